"""A USB device with a simulated UPS in it, for real libusb and for pyusb alone."""
