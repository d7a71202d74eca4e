#pragma once

#include "io/core/error.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>

namespace handforge {

// The message of the `ErrorType` that `action` throws; a note of what happened instead otherwise,
// so that a matcher on the message fails with the reason.
template <typename ErrorType>
std::string MessageOf(const std::function<void()>& action) {
  try {
    action();
  } catch (const ErrorType& error) {
    return error.what();
  } catch (const std::exception& error) {
    return std::string("(another type of exception: ") + error.what() + ")";
  }
  return "(nothing was thrown)";
}

}  // namespace handforge
