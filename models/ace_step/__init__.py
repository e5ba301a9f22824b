"""ACE-Step 1.5: songs from tags and words, through the modules that diffusers loads and a denoising loop of our own."""
