# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` of the package puts where, and find_package(supermachine-kernel) finds.
include(GNUInstallDirs)
set(made ${CMAKE_CURRENT_BINARY_DIR}/supermachine_kernel_x86_64)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/supermachine-kernel)
install(TARGETS supermachine_kernel supermachine_kernel_x86_64 supermachine_kernel_x86_64_shared
  EXPORT supermachine-kernel INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(EXPORT supermachine-kernel DESTINATION ${config_dir} NAMESPACE supermachine:: FILE supermachine-kernelConfig.cmake)
include(CMakePackageConfigHelpers)
write_basic_package_version_file(${made}/supermachine-kernelConfigVersion.cmake COMPATIBILITY ExactVersion)
install(FILES ${made}/supermachine-kernelConfigVersion.cmake DESTINATION ${config_dir})
install(DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}/include/ ${made}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/payloads/NOTICE DESTINATION ${CMAKE_INSTALL_DOCDIR})
