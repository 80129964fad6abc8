# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where, and find_package(supermachine-kernel) finds. Components: `kernel` is what programs run
# with, `dev` what they are built with.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(made ${CMAKE_CURRENT_BINARY_DIR}/supermachine_kernel_x86_64)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/supermachine-kernel)
install(TARGETS supermachine_kernel supermachine_kernel_x86_64 supermachine_kernel_x86_64_shared
  EXPORT supermachine-kernel
  LIBRARY COMPONENT kernel NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT supermachine-kernel DESTINATION ${config_dir} NAMESPACE supermachine:: FILE supermachine-kernelConfig.cmake
  COMPONENT dev)
write_basic_package_version_file(${made}/supermachine-kernelConfigVersion.cmake VERSION ${version} COMPATIBILITY ExactVersion)
install(FILES ${made}/supermachine-kernelConfigVersion.cmake DESTINATION ${config_dir} COMPONENT dev)
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include/ ${made}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

# supermachine_kernel_install_legal(PACKAGE COMPONENT): what the licences of the assets ask for goes with every component that
# has them: their texts, and what the kernel is rebuilt with, unless it is somebody else's.
set_property(GLOBAL PROPERTY SUPERMACHINE_KERNEL_LEGAL ${notice} ${license} ${licenses})
if(NOT "kernel" IN_LIST replaced)
  set_property(GLOBAL PROPERTY SUPERMACHINE_KERNEL_REBUILD ${rebuild})
endif()
function(supermachine_kernel_install_legal package component)
  get_property(legal GLOBAL PROPERTY SUPERMACHINE_KERNEL_LEGAL)
  get_property(rebuild GLOBAL PROPERTY SUPERMACHINE_KERNEL_REBUILD)
  set(doc ${CMAKE_INSTALL_DATADIR}/doc/${package})
  install(FILES ${legal} DESTINATION ${doc} COMPONENT ${component})
  if(rebuild)
    list(POP_FRONT rebuild config fragment script)
    install(FILES ${config} DESTINATION ${doc}/kernel RENAME config COMPONENT ${component})
    install(FILES ${fragment} DESTINATION ${doc}/kernel COMPONENT ${component})
    install(PROGRAMS ${script} DESTINATION ${doc}/kernel COMPONENT ${component})
  endif()
endfunction()
supermachine_kernel_install_legal(supermachine-kernel kernel)
