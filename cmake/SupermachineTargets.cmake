# SPDX-License-Identifier: Apache-2.0
# supermachine_library(virtio SRCS queue.cc rng.cc HEADERS queue.h rng.h DEPS memory TESTS rng_test.cc)
#
# One static library per folder of src/. DEPS says which folders this one may use. A missing entry
# fails at link time; a header-only use slips through, so tools/check-layers compares #include lines
# with DEPS. Sources are listed, never globbed: an unlisted test is something review should see.
# LIBS are libraries from outside (pkg-config or CMake targets). COLD code runs rarely and is built for
# size: half as large.
function(supermachine_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "COLD" "" "SRCS;HEADERS;DEPS;LIBS;TESTS;TEST_DEPS")
  add_library(supermachine_${name} STATIC ${arg_SRCS})
  list(TRANSFORM arg_HEADERS PREPEND ${CMAKE_CURRENT_SOURCE_DIR}/)
  target_sources(supermachine_${name} PUBLIC FILE_SET headers TYPE HEADERS
    BASE_DIRS ${PROJECT_SOURCE_DIR}/src FILES ${arg_HEADERS})
  target_include_directories(supermachine_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src ${PROJECT_SOURCE_DIR}/include)
  list(TRANSFORM arg_DEPS PREPEND supermachine_)
  target_link_libraries(supermachine_${name} PUBLIC ${arg_DEPS} ${arg_LIBS} PRIVATE supermachine_warnings)
  if(arg_COLD)
    target_compile_options(supermachine_${name} PRIVATE $<$<CONFIG:Release,RelWithDebInfo>:-Os>)
  endif()
  if(arg_TESTS)
    list(TRANSFORM arg_TEST_DEPS PREPEND supermachine_)
    supermachine_test(${name}_test LABEL unit SRCS ${arg_TESTS} DEPS supermachine_${name} ${arg_TEST_DEPS})
  endif()
endfunction()

# supermachine_test(machine_test LABEL kvm SRCS machine_test.cc DEPS supermachine_vmm [TIMEOUT seconds])
#
# One test program. Labels: unit, host, kvm, e2e, lab (CONTRIBUTING.md). Each test is an entry of its
# own for CTest, but what needs a KVM that runs Linux is one entry a program: tools/with-kvm runs it
# in the lab where the machine's KVM cannot, and a machine is started once for all of its tests.
function(supermachine_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "LABEL;TIMEOUT" "SRCS;DEPS")
  if(NOT SM_BUILD_TESTS)
    return()
  endif()
  if(NOT arg_TIMEOUT)
    set(arg_TIMEOUT 30)
  endif()
  add_executable(${name} ${arg_SRCS})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_definitions(${name} PRIVATE SM_TEST_DATA="${PROJECT_SOURCE_DIR}/tests/data")
  target_link_libraries(${name} PRIVATE ${arg_DEPS} supermachine_warnings GTest::gmock_main)
  if(arg_LABEL MATCHES "^(kvm|e2e)$")
    add_test(NAME ${name} COMMAND ${PROJECT_SOURCE_DIR}/tools/with-kvm $<TARGET_FILE:${name}>)
    set_tests_properties(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT 900 RESOURCE_LOCK lab)
  else()
    gtest_discover_tests(${name} PROPERTIES LABELS ${arg_LABEL} TIMEOUT ${arg_TIMEOUT} DISCOVERY_TIMEOUT 30)
  endif()
endfunction()

# supermachine_fuzzer(queue DEPS supermachine_virtio) builds fuzz/queue_fuzz.cc with libFuzzer.
function(supermachine_fuzzer name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "DEPS")
  add_executable(${name}_fuzz ${name}_fuzz.cc)
  target_include_directories(${name}_fuzz PRIVATE ${PROJECT_SOURCE_DIR}/tests/support)
  target_compile_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${name}_fuzz PRIVATE ${arg_DEPS} supermachine_warnings)
  add_dependencies(fuzzers ${name}_fuzz)
endfunction()
