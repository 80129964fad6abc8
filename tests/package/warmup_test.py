# SPDX-License-Identifier: Apache-2.0
"""What C gets from warm-ups in Python that end in exceptions (examples/ctypes): called as C calls them."""

import signal
import unittest
from ctypes import byref, c_void_p

import supermachine
from supermachine import GUEST_FAULT, NOT_FOUND, Error


class Coded(Exception):
    def __init__(self, code):
        self.code = code


class WarmupTest(unittest.TestCase):
    def setUp(self):
        # Ignored where the tests run in the background of a script.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)

    def call(self, function):
        """The status, and the error's message."""
        with supermachine._Warmup(function) as callback:
            return self.call_as_c(callback)

    def call_as_c(self, callback):
        error = c_void_p()
        status = supermachine._warmup_fn(callback)(None, None, byref(error))
        message = supermachine._c.error_message(error).decode() if error else None
        supermachine._c.error_free(error)
        return status, message

    def fails_with(self, raised):
        def function(vm):
            raise raised
        return self.call(function)

    def test_success(self):
        self.assertEqual(self.call(lambda vm: None), (0, None))

    def test_exceptions_become_errors(self):
        self.assertEqual(self.fails_with(Error(NOT_FOUND, "no model")), (NOT_FOUND, "Error: no model"))
        for code in "E11000", 0, None, 1 << 40:
            self.assertEqual(self.fails_with(Coded(code))[0], GUEST_FAULT)
        self.assertEqual(self.fails_with(ValueError("bad")), (GUEST_FAULT, "ValueError: bad"))

    def test_what_stops_the_program_fails_the_warmup_and_comes_out(self):
        for stop in KeyboardInterrupt(), SystemExit(3):
            def function(vm):
                raise stop
            with self.assertRaises(type(stop)):
                with supermachine._Warmup(function) as callback:
                    self.assertEqual(self.call_as_c(callback)[0], GUEST_FAULT)

    def test_an_interrupt_before_the_warmup(self):
        called = []
        with self.assertRaises(KeyboardInterrupt):
            with supermachine._Warmup(called.append) as callback:
                signal.raise_signal(signal.SIGINT)
                self.assertEqual(self.call_as_c(callback)[0], GUEST_FAULT)
        self.assertEqual(called, [])
        self.assertIs(signal.getsignal(signal.SIGINT), signal.default_int_handler)

    def test_an_interrupt_that_is_ignored(self):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        self.assertEqual(self.call(lambda vm: signal.raise_signal(signal.SIGINT)), (0, None))

    def test_an_interrupt_in_the_warmup(self):
        with self.assertRaises(KeyboardInterrupt):
            with supermachine._Warmup(lambda vm: signal.raise_signal(signal.SIGINT)) as callback:
                self.assertEqual(self.call_as_c(callback)[0], GUEST_FAULT)


if __name__ == "__main__":
    unittest.main()
