"""What is heard besides the clone: earcons and spoken prompts, where they come from."""
