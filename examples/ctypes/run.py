#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""What one does with VMs, from Python: run.py IMAGE DIRECTORY. IMAGE has a shell; DIRECTORY is empty, for snapshots."""

import sys
from supermachine import Error, Image, NOT_FOUND


def main(reference, directory):
    with Image.from_oci(reference) as image, image.start(memory_mib=128) as vm:
        vm.write_file("/tmp/greeting", b"hello from the host\n")
        print(vm.run(["cat", "/tmp/greeting"]).stdout.decode(), end="")
        outcome = vm.run(["sh", "-c", "read line; echo $NAME: $line >&2; exit 3"], input=b"a line\n", env={"NAME": "vm"})
        print("status", outcome.status, outcome.stderr)
        try:
            vm.read_file("/tmp/none")
        except Error as error:
            print("not found" if error.code == NOT_FOUND else f"unexpected: {error}")

        vm.start_workload(["nc", "-ll", "-p", "7777", "-e", "cat"])
        with vm.connect(vm.wait_listener(7777)) as echo:
            echo.sendall(b"through a port\n")
            print(echo.makefile().readline(), end="")

        snapshot = vm.snapshot(directory + "/greeted")

    with snapshot, snapshot.start(hostname="worker-7", payload=b"task") as copy:
        print(copy.run(["sh", "-c", "hostname; cat /tmp/greeting"]).stdout.decode().split("\n"))
        print(copy.read_file("/run/supermachine/payload"))

    with snapshot_pool(directory + "/greeted") as pool:
        for _ in range(2):
            with pool.acquire() as vm:  # each finds it as it was captured
                print(vm.run(["sh", "-c", "cat /tmp/greeting; echo changed > /tmp/greeting"]).stdout)

    steps = []
    with Image.bake(reference, name="warm", memory_mib=128, store=directory, tag="1", warmup=warm_up,
                    progress=lambda p: steps.append(p.stage) if p.finished else None) as warm:
        print("stages", *sorted(set(steps)))
        with warm.start() as vm:
            print(vm.read_file("/root/model"))
    try:
        Image.bake(reference, name="cold", memory_mib=128, store=directory, warmup=lambda vm: vm.read_file("/none"))
    except Error as error:
        print("no bake:", "not found" if error.code == NOT_FOUND else error)


def snapshot_pool(path):
    with Image.from_snapshot(path) as image:  # the pool does not need it
        return image.pool(min=1, max=2)


def warm_up(vm):
    vm.write_file("/root/model", b"trained")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
