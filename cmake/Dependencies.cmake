# Everything comes from installed packages; nothing is fetched at configure time.
# docs/dependencies.md says why each is here.

find_package(Threads REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(JPEG REQUIRED)
find_package(PNG REQUIRED)
find_package(LibArchive REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(CLI11 REQUIRED)
find_package(ZLIB REQUIRED)
find_package(Eigen3 REQUIRED NO_MODULE)
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(XXHASH_LIBRARY xxhash REQUIRED)
find_path(DEFLATE_INCLUDE libdeflate.h REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)
find_path(PCRE2_INCLUDE pcre2.h REQUIRED)
find_library(PCRE2_LIBRARY pcre2-8 REQUIRED)
find_path(WEBP_INCLUDE webp/decode.h REQUIRED)
find_library(WEBP_LIBRARY webp REQUIRED)

add_library(stockpot_plain_dependencies INTERFACE)
target_include_directories(stockpot_plain_dependencies SYSTEM INTERFACE
  $<BUILD_INTERFACE:${WEBP_INCLUDE}>)
target_link_libraries(stockpot_plain_dependencies INTERFACE
  Threads::Threads nlohmann_json::nlohmann_json yaml-cpp JPEG::JPEG PNG::PNG
  LibArchive::LibArchive OpenSSL::Crypto ZLIB::ZLIB Eigen3::Eigen ${WEBP_LIBRARY}
  ${XXHASH_LIBRARY} ${DEFLATE_LIBRARY} ${PCRE2_LIBRARY})

if(STOCKPOT_TORCH)
  find_package(Torch REQUIRED)
  add_library(stockpot_libtorch INTERFACE)
  # -isystem: the warnings of LibTorch's headers are not ours to fix.
  target_include_directories(stockpot_libtorch SYSTEM INTERFACE
    "$<BUILD_INTERFACE:${TORCH_INCLUDE_DIRS}>")
  # Official LibTorch builds carry parts of an older libstdc++ and export them, std::filesystem
  # among them: the system's own library has to come first, or the programs crash in theirs.
  target_link_libraries(stockpot_libtorch INTERFACE
    -Wl,--push-state,--no-as-needed,-lstdc++,--pop-state ${TORCH_LIBRARIES})
  if(TARGET torch_cuda)
    target_compile_definitions(stockpot_libtorch INTERFACE STOCKPOT_CUDA)
  endif()
  string(STRIP "${TORCH_CXX_FLAGS}" torch_flags)
  if(torch_flags)
    target_compile_options(stockpot_libtorch INTERFACE ${torch_flags})
  endif()
endif()
