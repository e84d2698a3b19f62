"""Submissions that reach for what is outside: files, the network, other processes, privileges."""

from __future__ import annotations

from tests.attacks import Attack, attempt, plain

FILES: dict[str, Attack] = {
    "the machine's users": attempt("worked = bool(open('/etc/passwd').read())"),
    "the machine's passwords": attempt("worked = bool(open('/etc/shadow').read())"),
    "home folders": attempt("worked = any(len(files) for _, _, files in os.walk('/home'))"),
    "a package patched": attempt("open(np.__file__, 'a').write('#')"),
    "the grader patched": attempt("import autograder.compare as c; open(c.__file__, 'a').write('#')"),
    "a file of the interpreter removed": attempt("os.unlink(os.__file__)"),
    "a file at the root": attempt("open('/mine', 'w').write('x')"),
    "a way round by a link": attempt("os.symlink('/usr', 'u'); open('u/mine', 'w').write('x')"),
    "a way round by a hard link": attempt("os.link('/etc/ld.so.cache', 'mine')"),
    "a way round by /proc": attempt("worked = bool(os.listdir('/proc/1/root'))"),
    "writable again": attempt("call(165, b'none', b'/', None, 32 | 4096, None)"),
    "a device": attempt("os.mknod('d', 0o600 | 0o060000, os.makedev(254, 0))"),
    "disks": attempt("worked = any(os.path.exists(f'/dev/{d}') for d in ('sda', 'vda', 'nvme0n1', 'mem', 'kmem'))"),
    "a handle to a file": attempt("call(303, -100, b'/', ctypes.create_string_buffer(128), ctypes.byref(ctypes.c_int()), 0)"),
    "the machine's settings": attempt("open('/proc/sys/kernel/core_pattern').read()"),
    "control groups": attempt("worked = bool(os.listdir('/sys/fs/cgroup'))"),
}  # fmt: skip
NETWORK = {
    "a connection": attempt("socket.create_connection(('127.0.0.1', 80), timeout=1)"),
    "a socket for TCP": attempt("socket.socket(socket.AF_INET, socket.SOCK_STREAM)"),
    "a socket for UDP": attempt("socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 53))"),
    "a socket for IPv6": attempt("socket.socket(socket.AF_INET6, socket.SOCK_STREAM)"),
    "a raw socket": attempt("socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)"),
    "a packet socket": attempt("socket.socket(17, socket.SOCK_RAW)"),
    "a netlink socket": attempt("socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)"),
    "a name looked up": attempt("worked = bool(socket.getaddrinfo('example.org', 80))"),
    "a page": attempt("import urllib.request; urllib.request.urlopen('http://127.0.0.1/', timeout=1)"),
    "a program that connects": attempt(
        "worked = subprocess.run(['bash', '-c', 'exec 3<>/dev/tcp/127.0.0.1/80']).returncode == 0"
    ),
    "a local service": attempt("s = socket.socket(socket.AF_UNIX); s.connect('/run/dbus/system_bus_socket')"),
    "a service without a file": attempt("s = socket.socket(socket.AF_UNIX); s.connect('\\0/tmp/.X11-unix/X0')"),
    "memory shared with others": attempt("call(29, 0x1234, 4096, 0o1666)"),
    "a queue shared with others": attempt("call(68, 0x1234, 0o1666)"),
}
PROCESSES = {
    "its parent killed": plain("import os, signal\nos.kill(os.getppid(), signal.SIGKILL)", "fail", "error", "died"),
    "everyone killed": plain("import os, signal\nos.kill(-1, signal.SIGKILL)", "fail", "error", "died"),
    "its group killed": plain("import os, signal\nos.killpg(0, signal.SIGKILL)", "died", says="SIGKILL"),
    "itself killed": plain("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", "died", says="SIGKILL"),
    "itself ended": plain("import os\nos._exit(7)", "died", says="exit code 7"),
    "itself ended in the check": plain("import os\ndef rnn_step(*a): os._exit(0)", "died", says="exit code 0"),
    "a crash": plain("import ctypes\nctypes.string_at(0)", "died", says="SIGSEGV"),
    "an abort": plain("import os\nos.abort()", "died", says="SIGABRT"),
    "another program in its place": plain("import os\nos.execv('/bin/sleep', ['sleep', '1'])", "died"),
    "its socket closed": plain("import os\nos.close(0)", "died", says="ended"),
    "stopped": plain("import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)", "timeout"),
    "processes of others seen": attempt("worked = max(int(p) for p in os.listdir('/proc') if p.isdigit()) > 1000"),
    "the first process traced": attempt("call(101, 16, 1, 0, 0)"),
    "itself traced": attempt("call(101, 0, 0, 0, 0)"),
    "the memory of the first process": attempt("open('/proc/1/mem', 'rb').read(1)"),
    "the environment of the first process": attempt("worked = bool(open('/proc/1/environ').read())"),
    "another's memory read": attempt("call(310, 1, None, 0, None, 0, 0)"),
    "another's descriptor taken": attempt("call(438, call(434, 1, 0), 0, 0)"),
}
PRIVILEGES = {
    "root": attempt("os.setuid(0); worked = os.geteuid() == 0"),
    "root by a program": attempt("worked = subprocess.run(['su', '-c', 'true']).returncode == 0"),
    "a namespace of its own": attempt("call(272, 0x10000000)"),
    "a namespace by clone": attempt("call(56, 0x10000000 | 17, 0, 0, 0, 0) or os._exit(0)"),
    "a namespace by clone3": attempt("call(435, ctypes.create_string_buffer(struct.pack('Q', 0x10000000) + bytes(80)), 88)"),
    "another's namespace": attempt("call(308, os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)"),
    "a mount": attempt("call(165, b'tmpfs', b'/tmp', b'tmpfs', 0, None)"),
    "an unmount": attempt("call(166, b'/tmp', 2)"),
    "another root": attempt("os.chroot('/tmp')"),
    "another host name": attempt("socket.sethostname('mine')"),
    "the clock": attempt("time.clock_settime(time.CLOCK_REALTIME, 0)"),
    "limits raised": attempt("resource.setrlimit(resource.RLIMIT_NOFILE, (10**5, 10**5))"),
    "priority raised": attempt("os.nice(-5)"),
    "key rings": attempt("call(248, b'user', b'a', b'b', 1, -3)"),
    "asynchronous system calls": attempt("call(425, 8, ctypes.create_string_buffer(120))"),
    "programs in the system": attempt("call(321, 0, ctypes.create_string_buffer(128), 128)"),
    "performance counters": attempt("call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)"),
    "page faults": attempt("call(323, 0)"),
    "another personality": attempt("call(135, 0x0040000)"),
    "modules": attempt("call(175, b'', 0, b'')"),
    "a file that runs as root": attempt(
        "open('s', 'wb').write(open('/bin/sleep', 'rb').read()); os.chmod('s', 0o6755)\n"
        "worked = subprocess.run(['./s', '0']).returncode == 0"
    ),
}  # fmt: skip
ATTACKS = FILES | NETWORK | PROCESSES | PRIVILEGES
