"""The plate detector: cuts the training pictures, trains a YOLO26n from scratch, measures and exports it."""
