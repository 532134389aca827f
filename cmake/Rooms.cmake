# Turns tools/rooms.txt into one object library a room, and these into two archives:
# stockpot_core (no LibTorch) and stockpot_torch.

add_library(stockpot_flags INTERFACE)
target_include_directories(stockpot_flags INTERFACE
  $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}> $<INSTALL_INTERFACE:include>)
target_compile_features(stockpot_flags INTERFACE cxx_std_20)
# -Wno-restrict: g++ 12 warns falsely about appending to strings (GCC bug 105329).
# -fno-reorder-blocks-and-partition: g++ 12 leaves cold parts of functions that are empty but have
# an unwind entry; linked by lld 14, such an entry can lie over the next function's, and an
# exception from there ends the process.
target_compile_options(stockpot_flags INTERFACE
  $<BUILD_INTERFACE:-Wall;-Wextra;-Wpedantic;-Wshadow;-g1>
  $<$<CXX_COMPILER_ID:GNU>:$<BUILD_INTERFACE:-Wno-restrict;-fno-reorder-blocks-and-partition>>
  $<$<BOOL:${STOCKPOT_WERROR}>:$<BUILD_INTERFACE:-Werror>>)
if(STOCKPOT_SANITIZE)
  target_compile_options(stockpot_flags INTERFACE
    $<BUILD_INTERFACE:-fsanitize=address,undefined -fno-sanitize-recover=undefined>)
  target_link_options(stockpot_flags INTERFACE
    $<BUILD_INTERFACE:-fsanitize=address,undefined>)
endif()

find_program(STOCKPOT_CCACHE ccache)
if(STOCKPOT_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${STOCKPOT_CCACHE})
endif()
find_program(STOCKPOT_LLD ld.lld)
if(STOCKPOT_LLD)
  add_link_options(-fuse-ld=lld)
endif()

function(stockpot_room name tier)
  if(NOT tier STREQUAL "PLAIN" AND NOT STOCKPOT_TORCH)
    return()
  endif()
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/stockpot/${name}/*.cpp)
  if(NOT sources)
    return()
  endif()
  add_library(stockpot_${name} OBJECT ${sources})
  target_link_libraries(stockpot_${name} PUBLIC stockpot_flags)
  # Single files for newer processors; their callers look at the processor first.
  if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    foreach(source IN LISTS sources)
      if(source MATCHES "_avx2.cpp$")
        set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "-mavx2")
      endif()
    endforeach()
  endif()
  # g++ 13 leaves lone chains of fused multiply-adds unfused: a row alone would round otherwise than
  # among others.
  set(keep_fused $<$<CXX_COMPILER_ID:GNU>:--param=avoid-fma-max-bits=0>)
  # Kernels must round alike for every instruction set (stockpot/base/isa.h), but for those
  # that say otherwise (stockpot/kernels/fuse_multiply_add.h).
  foreach(source IN LISTS sources)
    if(source MATCHES "kernels" OR name STREQUAL "kernels")
      file(STRINGS ${source} fused REGEX "include \"stockpot/kernels/fuse_multiply_add.h\"")
      set(contract $<IF:$<BOOL:${fused}>,fast,off>)
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS
        "-O3;-ffp-contract=${contract};-fno-math-errno;-fno-trapping-math;${keep_fused}")
    endif()
  endforeach()
  if(tier STREQUAL "PLAIN")
    set_property(GLOBAL APPEND PROPERTY stockpot_plain_rooms ${name})
    target_link_libraries(stockpot_${name} PRIVATE stockpot_plain_dependencies)
  else()
    set_property(GLOBAL APPEND PROPERTY stockpot_torch_rooms ${name})
    target_link_libraries(stockpot_${name} PRIVATE stockpot_libtorch)
    target_compile_definitions(stockpot_${name} PRIVATE
      AT_PER_OPERATOR_HEADERS TORCH_ASSERT_ONLY_METHOD_OPERATORS)
  endif()
endfunction()

macro(stockpot_rooms table)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${table})
  file(STRINGS ${table} rows REGEX "^[a-z]")
  foreach(row IN LISTS rows)
    string(REGEX REPLACE " +" ";" words "${row}")
    list(GET words 0 room)
    list(GET words 1 tier)
    stockpot_room(${room} ${tier})
    list(SUBLIST words 2 -1 needs)
    list(REMOVE_ITEM needs "-")
    # The headers of diagnose show matrices of Eigen; the probe decomposes one.
    if(TARGET stockpot_${room} AND ("diagnose" IN_LIST needs OR room STREQUAL "train"))
      target_link_libraries(stockpot_${room} PRIVATE Eigen3::Eigen)
    endif()
    set(closure ${room})
    foreach(need IN LISTS needs)
      get_property(deeper GLOBAL PROPERTY stockpot_closure_${need})
      list(APPEND closure ${deeper})
    endforeach()
    list(REMOVE_DUPLICATES closure)
    set_property(GLOBAL PROPERTY stockpot_closure_${room} ${closure})
  endforeach()
  get_property(plain GLOBAL PROPERTY stockpot_plain_rooms)
  get_property(torch GLOBAL PROPERTY stockpot_torch_rooms)
  set(plain_objects "")
  foreach(room IN LISTS plain)
    list(APPEND plain_objects $<TARGET_OBJECTS:stockpot_${room}>)
  endforeach()
  add_library(stockpot_core STATIC ${plain_objects})
  target_link_libraries(stockpot_core PUBLIC stockpot_flags PRIVATE stockpot_plain_dependencies)
  add_library(stockpot::core ALIAS stockpot_core)
  if(STOCKPOT_TORCH AND torch)
    set(torch_objects "")
    foreach(room IN LISTS torch)
      list(APPEND torch_objects $<TARGET_OBJECTS:stockpot_${room}>)
    endforeach()
    add_library(stockpot_torch STATIC ${torch_objects})
    target_link_libraries(stockpot_torch PUBLIC stockpot_core stockpot_libtorch)
    add_library(stockpot::torch ALIAS stockpot_torch)
  endif()
endmacro()
