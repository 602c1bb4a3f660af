"""What every test process begins with."""

import signal

# A shell that starts a job in the background has it ignore Ctrl-C, and the programs that tests
# start would inherit that: they could not be stopped as a person stops them.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
