"""stand_in_prompter.py - answers a keyring's question for its password, as the desktop's dialogue does.

  stand_in_prompter.py PASSWORD     "": presses Cancel

A person and a display cannot be had in a test: GNOME's own test double of the dialogue, in libgcr, speaks to the
keyring in their place, over the real protocol. Prints its name on the session bus; at the end of its standard input,
"asked" or "not asked".
"""

import ctypes
import sys

gcr = ctypes.CDLL("libgcr-base-3.so.1")
gcr.gcr_mock_prompter_start.restype = ctypes.c_char_p


def main(password):
    print(gcr.gcr_mock_prompter_start().decode(), flush=True)
    if password == "":
        gcr.gcr_mock_prompter_expect_password_cancel()
    else:
        gcr.gcr_mock_prompter_expect_password_ok(password.encode(), None)
    sys.stdin.read()
    print("not asked" if gcr.gcr_mock_prompter_is_expecting() else "asked", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
