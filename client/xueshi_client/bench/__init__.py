"""`xueshi bench`: what an exchange costs, measured from outside on a real serving process."""
