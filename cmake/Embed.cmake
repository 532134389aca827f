# Turns files into C++ sources that hold their bytes, so that a program needs no files at run
# time. Included, it defines stockpot_embed; run as a script, it writes one such source.
#   stockpot_embed(target variable file)   declares stockpot::variable, a std::string_view

if(CMAKE_SCRIPT_MODE_FILE)
  file(READ ${INPUT} bytes HEX)
  string(REGEX REPLACE "(..)" "0x\\1," bytes "${bytes}")
  string(REGEX REPLACE "((0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,)(0x..,))" "\\1\n"
    bytes "${bytes}")
  get_filename_component(name ${INPUT} NAME)
  file(WRITE ${OUTPUT} "// Made by cmake/Embed.cmake from ${name}.
#include <string_view>

namespace stockpot {
namespace {
constexpr unsigned char kBytes[] = {
${bytes}
};
}  // namespace
extern const std::string_view ${VARIABLE};
const std::string_view ${VARIABLE}(reinterpret_cast<const char*>(kBytes), sizeof(kBytes));
}  // namespace stockpot
")
  return()
endif()

set(STOCKPOT_EMBED_SCRIPT ${CMAKE_CURRENT_LIST_FILE})

function(stockpot_embed target variable file)
  set(output ${CMAKE_BINARY_DIR}/embedded/${variable}.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${file} -DOUTPUT=${output} -DVARIABLE=${variable}
      -P ${STOCKPOT_EMBED_SCRIPT}
    DEPENDS ${file} ${STOCKPOT_EMBED_SCRIPT} VERBATIM)
  target_sources(${target} PRIVATE ${output})
endfunction()
