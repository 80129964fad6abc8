# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` puts where. Components: `runtime` the library, `cli` the program, `dev` what programs are built
# with; `kernel` is of assets/cmake/install.cmake.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/supermachine)

# A program finds the library beside it wherever both are put.
file(RELATIVE_PATH bin_to_lib ${CMAKE_INSTALL_FULL_BINDIR} ${CMAKE_INSTALL_FULL_LIBDIR})
set_target_properties(supermachine_installed PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
set_target_properties(supermachine_shared PROPERTIES INSTALL_RPATH "$ORIGIN")

install(TARGETS supermachine_shared supermachine_static EXPORT supermachine
  LIBRARY COMPONENT runtime NAMELINK_COMPONENT dev
  ARCHIVE COMPONENT dev
  INCLUDES DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(TARGETS supermachine_installed RUNTIME COMPONENT cli)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT dev)

install(EXPORT supermachine NAMESPACE supermachine:: FILE supermachine-targets.cmake DESTINATION ${config_dir} COMPONENT dev)
configure_file(supermachine-config.cmake.in supermachine-config.cmake @ONLY)
write_basic_package_version_file(supermachine-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/supermachine-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/supermachine-config-version.cmake
  DESTINATION ${config_dir} COMPONENT dev)
file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig ${CMAKE_INSTALL_PREFIX})
foreach(pc supermachine.pc supermachine-static.pc)
  configure_file(${pc}.in ${pc} @ONLY)
endforeach()
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/supermachine.pc ${CMAKE_CURRENT_BINARY_DIR}/supermachine-static.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT dev)

# Debugging information stays in the build tree, whichever way is installed from it.
function(strip_installed component pattern)  # and strip's options
  list(JOIN ARGN " " options)
  install(CODE "
    file(GLOB files \"\$ENV{DESTDIR}\${CMAKE_INSTALL_PREFIX}/${pattern}\")
    foreach(file IN LISTS files)
      execute_process(COMMAND ${CMAKE_STRIP} ${options} \"\${file}\" COMMAND_ERROR_IS_FATAL ANY)
    endforeach()" COMPONENT ${component})
endfunction()
strip_installed(runtime ${CMAKE_INSTALL_LIBDIR}/libsupermachine.so.${soversion})
strip_installed(kernel ${CMAKE_INSTALL_LIBDIR}/libsupermachine-kernel-x86_64.so.${soversion})
strip_installed(cli ${CMAKE_INSTALL_BINDIR}/supermachine)
strip_installed(dev ${CMAKE_INSTALL_LIBDIR}/libsupermachine*.a --strip-debug --enable-deterministic-archives)

# Manual and completion come out of the program's own tables.
set(docs ${CMAKE_CURRENT_BINARY_DIR}/docs)
set(completions bash/supermachine zsh/_supermachine fish/supermachine.fish)
set(completion_commands)
foreach(completion IN LISTS completions)
  get_filename_component(shell ${completion} DIRECTORY)
  list(APPEND completion_commands COMMAND ${CMAKE_COMMAND} -E make_directory ${docs}/${shell}
    COMMAND $<TARGET_FILE:supermachine> completion ${shell} > ${docs}/${completion})
endforeach()
list(TRANSFORM completions PREPEND ${docs}/)
add_custom_command(OUTPUT ${docs}/man/supermachine.1 ${completions}
  COMMAND ${CMAKE_COMMAND} -E rm -rf ${docs}/man
  COMMAND ${CMAKE_COMMAND} -E make_directory ${docs}/man
  COMMAND supermachine-docs man ${docs}/man
  ${completion_commands}
  DEPENDS supermachine supermachine-docs COMMENT "Manual pages and shell completion" VERBATIM)
add_custom_target(docs ALL DEPENDS ${docs}/man/supermachine.1 ${completions})
install(DIRECTORY ${docs}/man/ DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT cli)
install(FILES ${docs}/bash/supermachine DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT cli)
install(FILES ${docs}/zsh/_supermachine DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions COMPONENT cli)
install(FILES ${docs}/fish/supermachine.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d COMPONENT cli)

foreach(component runtime kernel cli dev)
  set(package_runtime libsupermachine${soversion})
  set(package_kernel supermachine-kernel)
  set(package_cli supermachine)
  set(package_dev libsupermachine-dev)
  install(FILES ${CMAKE_CURRENT_SOURCE_DIR}/copyright/${component} RENAME copyright
    DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/${package_${component}} COMPONENT ${component})
endforeach()
# `dev` has the assets too, in a library to be linked statically.
supermachine_kernel_install_legal(${package_dev} dev)
