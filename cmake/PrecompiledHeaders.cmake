# SPDX-License-Identifier: GPL-3.0-or-later
# Precompiled headers: parsing the standard library and Boost is most of what compiling a source of ours costs. Only
# system headers go in, and every source still includes what it uses: with TOXASYNC_PCH=OFF all of it compiles as well.
option(TOXASYNC_PCH "Precompile the system headers that most sources include" OFF)

# toxasync_add_pch(<name> <library|program> LINK <libraries>... HEADERS <headers>...): a header that targets share. It
# fits targets of that kind (libraries are compiled with -fPIC, programs with -fPIE) with the same options.
function(toxasync_add_pch name kind)
  if(NOT TOXASYNC_PCH)
    return()
  endif()
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "LINK;HEADERS")
  set(source "${CMAKE_CURRENT_BINARY_DIR}/pch_${name}.cpp")
  file(CONFIGURE OUTPUT "${source}" CONTENT "\n")
  add_library(toxasync_pch_${name} OBJECT "${source}")
  if(kind STREQUAL "program")
    set_target_properties(toxasync_pch_${name} PROPERTIES POSITION_INDEPENDENT_CODE OFF)
    target_compile_options(toxasync_pch_${name} PRIVATE -fPIE)
  endif()
  target_link_libraries(toxasync_pch_${name} PRIVATE toxasync_options ${arg_LINK})
  target_precompile_headers(toxasync_pch_${name} PRIVATE ${arg_HEADERS})
endfunction()

# toxasync_use_pch(<target> <name>)
function(toxasync_use_pch target name)
  if(TOXASYNC_PCH)
    target_precompile_headers(${target} REUSE_FROM toxasync_pch_${name})
  endif()
endfunction()

set(common_headers
  <algorithm>
  <array>
  <boost/serialization/access.hpp>
  <boost/serialization/is_bitwise_serializable.hpp>
  <boost/serialization/serialization.hpp>
  <boost/serialization/wrapper.hpp>
  <boost/system/result.hpp>
  <chrono>
  <cstring>
  <deque>
  <filesystem>
  <functional>
  <map>
  <memory>
  <optional>
  <ranges>
  <set>
  <span>
  <string>
  <unordered_map>
  <variant>
  <vector>)
set(asio_headers
  <boost/asio/io_context.hpp>
  <boost/asio/ip/tcp.hpp>
  <boost/asio/ip/udp.hpp>
  <boost/asio/local/stream_protocol.hpp>
  <boost/asio/read_until.hpp>
  <boost/asio/steady_timer.hpp>
  <boost/asio/write.hpp>)
toxasync_add_pch(layers library LINK Boost::serialization HEADERS ${common_headers})
toxasync_add_pch(asio library LINK Boost::serialization HEADERS ${common_headers} ${asio_headers})
