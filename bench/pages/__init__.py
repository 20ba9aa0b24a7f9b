"""How smoothly the dispatcher's map moves ten thousand vehicles, in a browser without a graphics card."""
