#pragma once

namespace handforge {

// SIGINT and SIGTERM set a flag that long loops poll; a second SIGINT ends the process at once.
void InstallInterruptHandler();
// From now on the first signal of either kind ends the process at once, with the exit code of an
// interruption: for commands that write at their very end and have nothing to save before.
void EndAtOnceOnInterrupt();
bool InterruptRequested();
// Throws Interrupted where a signal has come.
void ThrowIfInterrupted(const char* what);
void RequestInterrupt(bool value);  // for tests

}  // namespace handforge
