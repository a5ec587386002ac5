"""What each effort takes, beside the full rerank."""
