#pragma once

namespace handforge {

// "handforge 0.1.0": the `generator` of everything written.
constexpr char kGenerator[] = "handforge " HANDFORGE_VERSION;

}  // namespace handforge
