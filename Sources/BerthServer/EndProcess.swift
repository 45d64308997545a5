import Glibc

/// Ends the process without waiting for anything: what was acknowledged is durable already.
func endProcess() -> Never { _exit(1) }
