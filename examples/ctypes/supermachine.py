# SPDX-License-Identifier: Apache-2.0
"""supermachine for Python: images, VMs and pools as context managers, over the C API by ctypes.

    with Image.from_oci("python:3.12-slim") as image, image.start(memory_mib=512) as vm:
        print(vm.run(["python3", "-V"]).stdout.decode())

Times are seconds, None waits without an end. Every failure is an Error. The library is
$SUPERMACHINE_LIBRARY, or the installed one.
"""

import ctypes
import os
import signal
import socket
import threading
from collections import namedtuple
from ctypes import POINTER, byref, c_bool, c_char_p, c_int, c_int32, c_int64, c_size_t, c_uint16, c_uint32, c_uint64, c_void_p

_library = ctypes.CDLL(os.environ.get("SUPERMACHINE_LIBRARY", "libsupermachine.so.0.1"))

Outcome = namedtuple("Outcome", "status stdout stderr duration timed_out")
Progress = namedtuple("Progress", "stage item done total elapsed finished note")

INVALID_ARGUMENT, NOT_FOUND, UNSUPPORTED, EXHAUSTED, TIMEOUT, CORRUPT, GUEST_FAULT, OS = range(1, 9)
_FOREVER = -1

# Named as in the headers without "supermachine_": what it returns, then what it takes. A handle is a c_void_p
# everywhere; an _out gets one.
_out = POINTER(c_void_p)
_argv = POINTER(c_char_p)
_progress_fn = ctypes.CFUNCTYPE(None, c_void_p, c_void_p)
_warmup_fn = ctypes.CFUNCTYPE(c_int32, c_void_p, c_void_p, _out)
_status = c_int32
_functions = {
    "version": (c_char_p,),
    "error_new": (c_void_p, c_int32, c_char_p),
    "error_free": (None, c_void_p),
    "error_os_errno": (c_int, c_void_p),
    "error_message": (c_char_p, c_void_p),
    "bytes_free": (None, c_void_p),
    "bytes_data": (c_void_p, c_void_p),
    "bytes_size": (c_size_t, c_void_p),
    "stage_name": (c_char_p, c_int32),
    "progress_stage": (c_int32, c_void_p),
    "progress_item": (c_char_p, c_void_p),
    "progress_done": (c_uint64, c_void_p),
    "progress_total": (c_uint64, c_void_p),
    "progress_elapsed": (c_int64, c_void_p),
    "progress_finished": (c_bool, c_void_p),
    "progress_note": (c_char_p, c_void_p),
    "config_new": (c_void_p,),
    "config_free": (None, c_void_p),
    "config_set_memory_mib": (_status, c_void_p, c_uint32),
    "config_set_vcpus": (_status, c_void_p, c_uint32),
    "config_set_hostname": (_status, c_void_p, c_char_p),
    "config_set_payload": (_status, c_void_p, c_char_p, c_size_t),
    "image_from_oci": (_status, c_char_p, c_void_p, _out, _out),
    "image_from_snapshot": (_status, c_char_p, _out, _out),
    "image_free": (None, c_void_p),
    "image_digest": (c_char_p, c_void_p),
    "image_is_snapshot": (c_bool, c_void_p),
    "builder_new": (_status, c_char_p, _out, _out),
    "builder_free": (None, c_void_p),
    "builder_set_name": (_status, c_void_p, c_char_p),
    "builder_set_memory_mib": (_status, c_void_p, c_uint32),
    "builder_set_snapshots_dir": (_status, c_void_p, c_char_p),
    "builder_set_warmup": (_status, c_void_p, _warmup_fn, c_void_p),
    "builder_set_warmup_tag": (_status, c_void_p, c_char_p),
    "builder_set_progress": (_status, c_void_p, _progress_fn, c_void_p),
    "builder_build": (_status, c_void_p, _out, _out),
    "vm_start": (_status, c_void_p, c_void_p, _out, _out),
    "vm_free": (None, c_void_p),
    "vm_write_file": (_status, c_void_p, c_char_p, c_char_p, c_size_t, c_uint32, _out),
    "vm_read_file": (_status, c_void_p, c_char_p, c_size_t, _out, _out),
    "vm_snapshot": (_status, c_void_p, c_char_p, c_void_p, _out, _out),
    "vm_start_workload": (_status, c_void_p, _argv, _out),
    "vm_wait_listener": (_status, c_void_p, c_uint16, c_int64, _out, _out),
    "vm_connect": (_status, c_void_p, c_uint16, c_int64, POINTER(c_int), _out),
    "listener_free": (None, c_void_p),
    "listener_port": (c_uint16, c_void_p),
    "exec_new": (_status, c_void_p, _argv, _out, _out),
    "exec_free": (None, c_void_p),
    "exec_add_env": (_status, c_void_p, c_char_p, c_char_p),
    "exec_set_cwd": (_status, c_void_p, c_char_p),
    "exec_set_input": (_status, c_void_p, c_char_p, c_size_t),
    "exec_set_timeout": (_status, c_void_p, c_int64),
    "exec_output": (_status, c_void_p, _out, _out),
    "outcome_free": (None, c_void_p),
    "outcome_status": (c_int, c_void_p),
    "outcome_stdout": (c_void_p, c_void_p, POINTER(c_size_t)),
    "outcome_stderr": (c_void_p, c_void_p, POINTER(c_size_t)),
    "outcome_duration": (c_int64, c_void_p),
    "outcome_timed_out": (c_bool, c_void_p),
    "pool_builder_new": (_status, c_void_p, _out, _out),
    "pool_builder_free": (None, c_void_p),
    "pool_builder_set_min": (_status, c_void_p, c_size_t),
    "pool_builder_set_max": (_status, c_void_p, c_size_t),
    "pool_builder_set_acquire_timeout": (_status, c_void_p, c_int64),
    "pool_builder_build": (_status, c_void_p, _out, _out),
    "pool_free": (None, c_void_p),
    "pool_acquire": (_status, c_void_p, _out, _out),
}


class _Functions:
    """The C functions, with their types: without them ctypes cuts pointers to an int."""

    def __init__(self):
        for name, (result, *arguments) in _functions.items():
            function = getattr(_library, "supermachine_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, name, function)


_c = _Functions()


class Error(Exception):
    def __init__(self, code, message, os_errno=0):
        super().__init__(message)
        self.code, self.os_errno = code, os_errno


def _check(function, *arguments):
    """Calls a function whose last parameter is the error."""
    error = c_void_p()
    status = function(*arguments, byref(error))
    if status != 0:
        raised = Error(status, _c.error_message(error).decode(), _c.error_os_errno(error))
        _c.error_free(error)
        raise raised


def _get(function, *arguments):
    """The same, and the handle that it gives."""
    out = c_void_p()
    _check(function, *arguments, byref(out))
    return out


def _set(function, *arguments):
    if function(*arguments) != 0:
        raise Error(INVALID_ARGUMENT, f"{function.__name__}: invalid argument")


def _list(argv):
    return None if argv is None else (c_char_p * (len(argv) + 1))(*[os.fsencode(a) for a in argv], None)


def _time(seconds):
    return _FOREVER if seconds is None else int(seconds * 1e9)


class _Handle:
    """Owns a handle: freed at the end of `with`, by close(), or with the object."""

    def __init__(self, handle, free):
        self._handle, self._free = handle, free

    def close(self):
        handle, self._handle = self._handle, None
        if handle is not None:
            self._free(handle)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def __del__(self):
        self.close()


class Image(_Handle):
    def __init__(self, handle):
        super().__init__(handle, _c.image_free)

    @classmethod
    def from_oci(cls, reference):
        return cls(_get(_c.image_from_oci, os.fsencode(reference), None))

    @classmethod
    def from_snapshot(cls, path):
        return cls(_get(_c.image_from_snapshot, os.fsencode(path)))

    @classmethod
    def bake(cls, reference, name=None, memory_mib=None, store=None, warmup=None, tag=None, progress=None):
        """The bake of an image, found or made. `warmup` gets a Vm; `progress` a Progress, perhaps in another thread."""
        with _Handle(_get(_c.builder_new, os.fsencode(reference)), _c.builder_free) as builder:
            b = builder._handle
            if name is not None:
                _set(_c.builder_set_name, b, os.fsencode(name))
            if memory_mib is not None:
                _set(_c.builder_set_memory_mib, b, memory_mib)
            if store is not None:
                _set(_c.builder_set_snapshots_dir, b, os.fsencode(store))
            # What C calls must live as long as the call of it: these are local variables for that.
            on_progress = _progress_fn(lambda p, _: progress(_to_progress(p)))
            callback = _Warmup(warmup)
            on_warmup = _warmup_fn(callback)
            if progress is not None:
                _set(_c.builder_set_progress, b, on_progress, None)
            if warmup is not None:
                _set(_c.builder_set_warmup, b, on_warmup, None)
            if tag is not None:
                _set(_c.builder_set_warmup_tag, b, os.fsencode(tag))
            with callback:
                return cls(_get(_c.builder_build, b))

    @property
    def digest(self):
        return _c.image_digest(self._handle).decode()

    @property
    def is_snapshot(self):
        return _c.image_is_snapshot(self._handle)

    def start(self, memory_mib=None, vcpus=None, hostname=None, payload=None):
        with _Handle(c_void_p(_c.config_new()), _c.config_free) as config:
            c = config._handle
            if memory_mib is not None:
                _set(_c.config_set_memory_mib, c, memory_mib)
            if vcpus is not None:
                _set(_c.config_set_vcpus, c, vcpus)
            if hostname is not None:
                _set(_c.config_set_hostname, c, os.fsencode(hostname))
            if payload is not None:
                _set(_c.config_set_payload, c, payload, len(payload))
            return Vm(_get(_c.vm_start, self._handle, c))

    def pool(self, min=0, max=16, acquire_timeout=30):
        with _Handle(_get(_c.pool_builder_new, self._handle), _c.pool_builder_free) as builder:
            b = builder._handle
            _set(_c.pool_builder_set_min, b, min)
            _set(_c.pool_builder_set_max, b, max)
            _set(_c.pool_builder_set_acquire_timeout, b, _time(acquire_timeout))
            return Pool(_get(_c.pool_builder_build, b))


class Vm(_Handle):
    """The end of `with` ends the VM, or gives it back to its pool."""

    def __init__(self, handle, free=_c.vm_free):
        super().__init__(handle, free)

    def run(self, argv, input=None, env={}, cwd=None, timeout=None):
        with _Handle(_get(_c.exec_new, self._handle, _list(argv)), _c.exec_free) as command:
            e = command._handle
            for name, value in env.items():
                _set(_c.exec_add_env, e, os.fsencode(name), os.fsencode(value))
            if cwd is not None:
                _set(_c.exec_set_cwd, e, os.fsencode(cwd))
            if input is not None:
                _set(_c.exec_set_input, e, input, len(input))
            if timeout is not None:
                _set(_c.exec_set_timeout, e, _time(timeout))
            with _Handle(_get(_c.exec_output, e), _c.outcome_free) as outcome:
                return _to_outcome(outcome._handle)

    def write_file(self, path, data, mode=0o644):
        _check(_c.vm_write_file, self._handle, os.fsencode(path), data, len(data), mode)

    def read_file(self, path, max_bytes=1 << 30):
        with _Handle(_get(_c.vm_read_file, self._handle, os.fsencode(path), max_bytes), _c.bytes_free) as read:
            return ctypes.string_at(_c.bytes_data(read._handle), _c.bytes_size(read._handle))

    def snapshot(self, directory):
        return Image(_get(_c.vm_snapshot, self._handle, os.fsencode(directory), None))

    def start_workload(self, argv=None):
        _check(_c.vm_start_workload, self._handle, _list(argv))

    def wait_listener(self, port=0, timeout=10):
        """The port that the guest listens on."""
        with _Handle(_get(_c.vm_wait_listener, self._handle, port, _time(timeout)), _c.listener_free) as listener:
            return _c.listener_port(listener._handle)

    def connect(self, port=0, timeout=10):
        """A socket to a port of the guest; 0: that of its workload."""
        fd = c_int(-1)
        _check(_c.vm_connect, self._handle, port, _time(timeout), byref(fd))
        return socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, fileno=fd.value)


class Pool(_Handle):
    def __init__(self, handle):
        super().__init__(handle, _c.pool_free)

    def acquire(self):
        return Vm(_get(_c.pool_acquire, self._handle))


def version():
    return _c.version().decode()


def _to_outcome(o):
    size = c_size_t()
    stdout = ctypes.string_at(_c.outcome_stdout(o, byref(size)), size.value)
    stderr = ctypes.string_at(_c.outcome_stderr(o, byref(size)), size.value)
    return Outcome(_c.outcome_status(o), stdout, stderr, _c.outcome_duration(o) / 1e9, _c.outcome_timed_out(o))


def _to_progress(p):
    return Progress(_c.stage_name(_c.progress_stage(p)).decode(), _c.progress_item(p).decode(), _c.progress_done(p),
                    _c.progress_total(p), _c.progress_elapsed(p) / 1e9, _c.progress_finished(p), _c.progress_note(p).decode())


class _Warmup:
    """A warm-up as C calls it, inside of `with`. An exception becomes the error, which belongs to C then; what is to stop
    the program, such as Ctrl-C, stops the warm-up first and comes out at the end of `with`."""

    def __init__(self, function):
        self._function, self._running, self._stop = function, False, None

    # Python raises KeyboardInterrupt wherever it is: as a callback begins, before its `try`, it would be lost, and C would
    # take whatever lies in its memory for a status.
    def __enter__(self):
        raises = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        self._handles = raises and threading.current_thread() is threading.main_thread()
        if self._handles:
            signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *_):
        if self._handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        if self._stop is not None:
            raise self._stop

    def _interrupt(self, *_):
        self._stop = KeyboardInterrupt()
        if self._running:
            raise self._stop

    def __call__(self, vm, _, error):
        try:
            self._running = True
            if self._stop is not None:
                raise self._stop
            self._function(Vm(c_void_p(vm), free=lambda handle: None))  # the VM is borrowed
            self._running = False
            return 0
        except BaseException as raised:
            self._running = False
            if not isinstance(raised, Exception):
                self._stop = raised
            code = raised.code if isinstance(raised, Error) else GUEST_FAULT
            error[0] = c_void_p(_c.error_new(code, f"{type(raised).__name__}: {raised}".encode(errors="replace")))
            return code
