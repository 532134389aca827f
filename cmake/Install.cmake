# `cmake --install` puts both programs, the headers, the two archives, the demo's data and a
# CMake package in place: find_package(stockpot) gives stockpot::core and stockpot::torch.
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

install(TARGETS stockpot RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY stockpot/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/stockpot
  FILES_MATCHING PATTERN "*.h")
install(DIRECTORY demo/ DESTINATION ${CMAKE_INSTALL_DATADIR}/stockpot/demo)

set_target_properties(stockpot_core PROPERTIES EXPORT_NAME core)
set(exported stockpot_core stockpot_flags stockpot_plain_dependencies)
if(TARGET stockpot_torch)
  install(TARGETS stockpot-torch RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  set_target_properties(stockpot_torch PROPERTIES EXPORT_NAME torch)
  list(APPEND exported stockpot_torch stockpot_libtorch)
endif()
install(TARGETS ${exported} EXPORT stockpot-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(EXPORT stockpot-targets NAMESPACE stockpot::
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockpot)
configure_package_config_file(cmake/stockpot-config.cmake.in stockpot-config.cmake
  INSTALL_DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockpot)
write_basic_package_version_file(stockpot-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/stockpot-config.cmake
  ${CMAKE_CURRENT_BINARY_DIR}/stockpot-config-version.cmake
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/cmake/stockpot)
