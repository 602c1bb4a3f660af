"""`xueshi demo`: one county centre and three schools on this machine, told step by step."""
