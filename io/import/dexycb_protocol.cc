#include "io/import/dexycb_protocol.h"

#include "io/core/error.h"

namespace handforge {

Split DexYcbSplit(DexYcbProtocol protocol, int subject, int sequence, int camera) {
  const auto split = [](bool validation, bool test) {
    return validation ? Split::kValidation : test ? Split::kTest : Split::kTrain;
  };
  const int object = sequence / 5;  // each is grasped five times in a row
  switch (protocol) {
    case DexYcbProtocol::kS0: {
      const bool apart = sequence % 5 == 4;
      return split(apart && subject < 2, apart);
    }
    case DexYcbProtocol::kS1:
      return split(subject == 6, subject == 7 || subject == 8);
    case DexYcbProtocol::kS2:
      return split(camera == 6, camera == 7);
    case DexYcbProtocol::kS3:
      return split(object == 3 || object == 19, object == 7 || object == 11 || object == 15);
  }
  throw UsageError("DexYCB has no such protocol");
}

}  // namespace handforge
