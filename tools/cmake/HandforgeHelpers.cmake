# What most files include, precompiled: half of a file's compile time is reading these. Every file
# still includes what it uses; -DCMAKE_DISABLE_PRECOMPILE_HEADERS=ON checks that.
set(HANDFORGE_COMMON_HEADERS
  <algorithm> <array> <cmath> <cstdint> <filesystem> <functional> <map> <memory> <optional> <set>
  <string> <utility> <vector> <Eigen/Dense>)

# handforge_add_library(<name> SOURCES ... [PUBLIC ...] [PRIVATE ...])
# One static library per room; includes are written from the repository root ("io/core/camera.h").
function(handforge_add_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(${name} STATIC ${ARG_SOURCES})
  add_library(handforge::${name} ALIAS ${name})
  target_include_directories(${name} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}> $<INSTALL_INTERFACE:include/handforge>)
  target_compile_features(${name} PUBLIC cxx_std_17)
  target_link_libraries(${name} PUBLIC $<BUILD_INTERFACE:handforge_flags> ${ARG_PUBLIC} PRIVATE ${ARG_PRIVATE})
endfunction()

# handforge_add_test(<path under tests/, without _test.cc> [LINKS ...])
# tests/io/shard_test.cc becomes binary io_shard_test and CTest name io/shard_test.
function(handforge_add_test path)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LINKS" ${ARGN})
  string(REPLACE "/" "_" target "${path}_test")
  add_executable(${target} ${PROJECT_SOURCE_DIR}/tests/${path}_test.cc)
  target_link_libraries(${target} PRIVATE ${ARG_LINKS} handforge_core GTest::gmock GTest::gtest_main)
  # LibTorch's definitions would make the precompiled headers useless.
  if(NOT ARG_LINKS MATCHES "torch")
    target_precompile_headers(${target} REUSE_FROM handforge_test_headers)
  endif()
  target_compile_definitions(${target} PRIVATE
    HANDFORGE_SOURCE_DIR="${PROJECT_SOURCE_DIR}" HANDFORGE_BINARY_DIR="${PROJECT_BINARY_DIR}")
  set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_test(NAME ${path}_test COMMAND ${target} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 300)
  endif()
  set_tests_properties(${path}_test PROPERTIES TIMEOUT ${ARG_TIMEOUT})
endfunction()
