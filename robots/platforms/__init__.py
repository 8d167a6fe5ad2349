"""What robots of several portals share: the systems that those portals run on. A platform knows no robot."""
