# One place for language level, warnings and hardening: every target of the project links
# orbit_warnings PRIVATE, so that third-party headers are never judged by our rules.
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_EXTENSIONS ON)
set(CMAKE_CXX_STANDARD 17)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)

add_library(orbit_warnings INTERFACE)
target_include_directories(orbit_warnings INTERFACE "${CMAKE_SOURCE_DIR}" "${CMAKE_BINARY_DIR}")
target_compile_definitions(orbit_warnings INTERFACE _GNU_SOURCE)
target_compile_options(orbit_warnings INTERFACE
    $<$<COMPILE_LANGUAGE:C>:-Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion
    -Wdouble-promotion -Wshadow -Wundef -Wvla -Walloca -Wcast-align=strict -Wcast-qual
    -Wwrite-strings -Wstrict-prototypes -Wmissing-prototypes -Wmissing-declarations
    -Wredundant-decls -Wformat=2 -Wpointer-arith
    -fno-math-errno -fno-plt -fstack-protector-strong>
    $<$<AND:$<C_COMPILER_ID:GNU>,$<COMPILE_LANGUAGE:C>>:-Wlogical-op -Wduplicated-cond
    -Wduplicated-branches -Wjump-misses-init -Wformat-signedness>)
# Bind now: a symbol resolved lazily inside a cycle would be a hidden, unbounded cost.
target_link_options(orbit_warnings INTERFACE -Wl,-z,relro,-z,now)
if(NOT CMAKE_BUILD_TYPE STREQUAL "Debug" AND NOT ORBIT_SANITIZE)
    target_compile_definitions(orbit_warnings INTERFACE _FORTIFY_SOURCE=2)
endif()

set(ORBIT_SANITIZE "" CACHE STRING "Sanitizers to build with, e.g. address,undefined or thread")
if(ORBIT_SANITIZE)
    # A report that does not end the program would leave its test passed.
    add_compile_options(-fsanitize=${ORBIT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    add_link_options(-fsanitize=${ORBIT_SANITIZE})
endif()
