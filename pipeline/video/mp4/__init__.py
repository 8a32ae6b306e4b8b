"""The boxes of MP4 and MOV files, read without decoding: outline, index, tags."""
