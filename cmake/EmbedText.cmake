# embed_text(<target> <file> <symbol>): the file's text compiled into <target> as
#   namespace quarry::embedded { extern const std::string_view <symbol>; }
function(embed_text target file symbol)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${file}")
  file(READ "${file}" EMBEDDED_TEXT)
  set(EMBEDDED_SYMBOL "${symbol}")
  set(output "${CMAKE_CURRENT_BINARY_DIR}/embedded/${symbol}.cc")
  configure_file("${CMAKE_SOURCE_DIR}/cmake/embedded_text.cc.in" "${output}" @ONLY)
  target_sources(${target} PRIVATE "${output}")
endfunction()
