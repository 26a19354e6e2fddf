"""The driver: talks to an OMRON UPS and tells what it says. Stands alone; knows no Home Assistant."""
