"""Images as other programs take them: PyTorch, TorchIO, MONAI, Hugging Face."""
