"""The plate reader: PP-OCRv6 small rebuilt in torch, fine-tuned on plates, put back into its own ONNX graph."""
