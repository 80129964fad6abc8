# SPDX-License-Identifier: Apache-2.0
# supermachine_kernel_replaced(out): the assets, by their file names, that supermachine_kernel_asset() takes from elsewhere.
function(supermachine_kernel_replaced out)
  set(replaced)
  foreach(pair kernel:KERNEL supermachine-agent:AGENT busybox:BUSYBOX)
    string(REPLACE ":" ";" pair ${pair})
    list(GET pair 0 asset)
    list(GET pair 1 variable)
    if(NOT "$ENV{SUPERMACHINE_${variable}_PATH}" STREQUAL "")
      list(APPEND replaced ${asset})
    endif()
  endforeach()
  set(${out} ${replaced} PARENT_SCOPE)
endfunction()

# supermachine_kernel_asset(kernel SUPERMACHINE_KERNEL_PATH PAYLOAD out): sets `out` to the file to embed: that of the
# environment variable when it is set as CMake configures, else what PAYLOAD, an .xz, is unpacked to, once.
function(supermachine_kernel_asset asset variable payload out)
  if(NOT "$ENV{${variable}}" STREQUAL "")
    if(NOT IS_ABSOLUTE "$ENV{${variable}}")
      message(FATAL_ERROR "${variable}: $ENV{${variable}}: not an absolute path")
    elseif(NOT EXISTS "$ENV{${variable}}" OR IS_DIRECTORY "$ENV{${variable}}")
      message(FATAL_ERROR "${variable}: $ENV{${variable}}: no such file")
    endif()
    message(STATUS "supermachine-kernel: ${asset} from ${variable}: $ENV{${variable}}")
    set(${out} "$ENV{${variable}}" PARENT_SCOPE)
    return()
  endif()
  find_program(SUPERMACHINE_XZ xz)
  if(NOT SUPERMACHINE_XZ)
    message(FATAL_ERROR "supermachine-kernel: unpacking its assets needs xz (Debian: xz-utils)")
  endif()
  set(unpacked ${CMAKE_CURRENT_BINARY_DIR}/unpacked/${asset})
  add_custom_command(OUTPUT ${unpacked}
    COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_CURRENT_BINARY_DIR}/unpacked
    COMMAND ${SUPERMACHINE_XZ} -dc ${payload} > ${unpacked}
    DEPENDS ${payload} COMMENT "Unpacking ${asset}" VERBATIM)
  set(${out} ${unpacked} PARENT_SCOPE)
endfunction()

# supermachine_kernel_library(NAME VERSION v KERNEL file AGENT file BUSYBOX file RESULT_H dir): the libraries NAME (static)
# and NAME_shared of those assets. RESULT_H is the include directory of supermachine/result.h.
function(supermachine_kernel_library name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "VERSION;KERNEL;AGENT;BUSYBOX;RESULT_H" "")
  set(here ${CMAKE_CURRENT_FUNCTION_LIST_DIR}/..)
  set(out ${CMAKE_CURRENT_BINARY_DIR}/${name})
  set(header ${out}/include/supermachine/kernel_x86_64_build.h)
  string(REPLACE . _ abi v${arg_VERSION})

  add_custom_command(OUTPUT ${header}
    COMMAND ${CMAKE_COMMAND} -D HEADER=${header} -D VERSION=${arg_VERSION} -D ABI=${abi} -D KERNEL=${arg_KERNEL}
      -D AGENT=${arg_AGENT} -D BUSYBOX=${arg_BUSYBOX} -P ${here}/cmake/write_build_header.cmake
    DEPENDS ${arg_KERNEL} ${arg_AGENT} ${arg_BUSYBOX} ${here}/cmake/write_build_header.cmake VERBATIM)
  set(sources ${here}/src/extract.cc ${header})
  foreach(asset kernel agent busybox)
    string(TOUPPER ${asset} upper)
    set(file ${arg_${upper}})
    set(symbol supermachine_kernel_x86_64_${abi}_${asset})
    set(function ${asset}_bytes)
    if(asset STREQUAL "agent")
      set(function supermachine_agent_bytes)
    endif()
    configure_file(${here}/src/embed.S.in ${out}/${asset}.S @ONLY)
    configure_file(${here}/src/asset.cc.in ${out}/${asset}.cc @ONLY)
    set_source_files_properties(${out}/${asset}.S PROPERTIES OBJECT_DEPENDS ${file})
    list(APPEND sources ${out}/${asset}.S ${out}/${asset}.cc)
  endforeach()
  configure_file(${here}/src/exports.map.in ${out}/exports.map @ONLY)

  add_library(${name}_objects OBJECT ${sources})
  set_target_properties(${name}_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
  target_compile_features(${name}_objects PRIVATE cxx_std_20)
  target_include_directories(${name}_objects PRIVATE ${here}/include ${out}/include ${arg_RESULT_H})
  add_library(${name} STATIC $<TARGET_OBJECTS:${name}_objects>)
  add_library(${name}_shared SHARED $<TARGET_OBJECTS:${name}_objects>)
  target_link_options(${name}_shared PRIVATE LINKER:--version-script=${out}/exports.map)
  set_target_properties(${name}_shared PROPERTIES LINK_DEPENDS ${out}/exports.map)
  # Who includes the headers waits for the one that is made.
  add_custom_target(${name}_header DEPENDS ${header})
  foreach(library ${name} ${name}_shared)
    add_dependencies(${library} ${name}_header)
    target_compile_features(${library} PUBLIC cxx_std_20)
    target_include_directories(${library} PUBLIC
      $<BUILD_INTERFACE:${here}/include> $<BUILD_INTERFACE:${out}/include> $<BUILD_INTERFACE:${arg_RESULT_H}>)
  endforeach()
endfunction()
