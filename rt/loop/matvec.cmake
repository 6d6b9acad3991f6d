# orbit_matvec: one kernel, compiled once per instruction set; matvec.c chooses at start. -O3 in every
# build type: the order of operations then does not depend on it, and replay stays bit-identical.
add_library(orbit_matvec STATIC
    ${CMAKE_CURRENT_LIST_DIR}/matvec.c
    ${CMAKE_CURRENT_LIST_DIR}/matvec_portable.c)
target_link_libraries(orbit_matvec PUBLIC orbit_base PRIVATE orbit_warnings)
set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/matvec_portable.c PROPERTIES
    COMPILE_OPTIONS "-O3;-fno-tree-loop-distribute-patterns")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
    target_sources(orbit_matvec PRIVATE
        ${CMAKE_CURRENT_LIST_DIR}/matvec_avx2.c
        ${CMAKE_CURRENT_LIST_DIR}/matvec_avx512.c)
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/matvec_avx2.c PROPERTIES
        COMPILE_OPTIONS "-O3;-fno-tree-loop-distribute-patterns;-mavx2;-mfma")
    set_source_files_properties(${CMAKE_CURRENT_LIST_DIR}/matvec_avx512.c PROPERTIES
        COMPILE_OPTIONS "-O3;-fno-tree-loop-distribute-patterns;-mavx512f;-mfma;-mprefer-vector-width=512")
endif()
