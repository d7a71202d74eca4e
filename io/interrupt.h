#pragma once

namespace handforge {

// SIGINT and SIGTERM set a flag that long loops poll; a second SIGINT ends the process at once.
void InstallInterruptHandler();
bool InterruptRequested();
// Throws Interrupted where a signal has come.
void ThrowIfInterrupted(const char* what);
void RequestInterrupt(bool value);  // for tests

}  // namespace handforge
