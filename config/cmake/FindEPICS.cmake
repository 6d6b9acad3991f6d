# EPICS Base, which brings no package file of its own.
#
# In:  EPICS_BASE (environment or cache), else the places below; EPICS_HOST_ARCH.
# Out: EPICS::ca (client), EPICS::ioc (database, record types), EPICS::qsrv (PV Access server), and
#      epics_expand_dbd(TOP file NAME name DBD var SOURCE var).

set(_cache "$ENV{ORBITD_CACHE}")
if(NOT _cache AND DEFINED ENV{XDG_CACHE_HOME})
    set(_cache "$ENV{XDG_CACHE_HOME}/orbitd")
elseif(NOT _cache)
    set(_cache "$ENV{HOME}/.cache/orbitd")
endif()

if(NOT EPICS_HOST_ARCH)
    if(DEFINED ENV{EPICS_HOST_ARCH})
        set(EPICS_HOST_ARCH "$ENV{EPICS_HOST_ARCH}")
    else()
        set(EPICS_HOST_ARCH "linux-${CMAKE_SYSTEM_PROCESSOR}")
    endif()
endif()

if(NOT EPICS_BASE)
    foreach(_place "$ENV{EPICS_BASE}" /opt/epics-base /opt/epics/base /usr/local/epics/base /epics/base
            "${_cache}/epics-base-7.0.3.1")
        if(_place AND EXISTS "${_place}/lib/${EPICS_HOST_ARCH}/libqsrv.so")
            set(EPICS_BASE "${_place}" CACHE PATH "EPICS Base with PVA and QSRV")
            break()
        endif()
    endforeach()
endif()

# Debian's own libca must not be mixed in: only Base's folder is searched.
foreach(_lib Com ca dbCore dbRecStd pvData pvAccess pvAccessIOC qsrv)
    find_library(EPICS_${_lib}_LIBRARY ${_lib} PATHS "${EPICS_BASE}/lib/${EPICS_HOST_ARCH}" NO_DEFAULT_PATH)
    list(APPEND _required EPICS_${_lib}_LIBRARY)
endforeach()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(EPICS REQUIRED_VARS EPICS_BASE ${_required}
    REASON_FAILURE_MESSAGE "run config/setup/epics.sh, or set EPICS_BASE to a Base with PVA and QSRV")

function(_epics_target name)
    cmake_parse_arguments(ARG "" "" "LIBS;LINKS" ${ARGN})
    if(TARGET EPICS::${name})
        return()
    endif()
    add_library(EPICS::${name} INTERFACE IMPORTED)
    set(_files)
    foreach(_lib ${ARG_LIBS})
        list(APPEND _files "${EPICS_${_lib}_LIBRARY}")
    endforeach()
    set_target_properties(EPICS::${name} PROPERTIES
        INTERFACE_SYSTEM_INCLUDE_DIRECTORIES
        "${EPICS_BASE}/include;${EPICS_BASE}/include/os/Linux;${EPICS_BASE}/include/compiler/gcc"
        INTERFACE_INCLUDE_DIRECTORIES
        "${EPICS_BASE}/include;${EPICS_BASE}/include/os/Linux;${EPICS_BASE}/include/compiler/gcc"
        INTERFACE_COMPILE_DEFINITIONS "UNIX;linux;USE_TYPED_RSET;_GNU_SOURCE"
        INTERFACE_LINK_LIBRARIES "${_files};${ARG_LINKS}")
endfunction()

if(EPICS_FOUND)
    _epics_target(ca LIBS ca Com)
    _epics_target(ioc LIBS dbRecStd dbCore LINKS EPICS::ca)
    _epics_target(qsrv LIBS qsrv pvAccessIOC pvAccess pvData LINKS EPICS::ioc)
endif()

# Expands a top database definition and makes its registrar.
function(epics_expand_dbd)
    cmake_parse_arguments(ARG "" "TOP;NAME;DBD;SOURCE" "" ${ARGN})
    set(_bin "${EPICS_BASE}/bin/${EPICS_HOST_ARCH}")
    set(_dbd "${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}.dbd")
    set(_source "${CMAKE_CURRENT_BINARY_DIR}/${ARG_NAME}_registrar.cpp")
    get_filename_component(_folder "${ARG_TOP}" DIRECTORY)
    add_custom_command(OUTPUT "${_dbd}"
        COMMAND perl "${_bin}/dbdExpand.pl" -I "${_folder}" -I "${EPICS_BASE}/dbd" -o "${_dbd}" "${ARG_TOP}"
        DEPENDS "${ARG_TOP}" VERBATIM)
    add_custom_command(OUTPUT "${_source}"
        COMMAND perl "${_bin}/registerRecordDeviceDriver.pl" -o "${_source}" "${_dbd}"
            "${ARG_NAME}_registerRecordDeviceDriver"
        DEPENDS "${_dbd}" VERBATIM)
    set(${ARG_DBD} "${_dbd}" PARENT_SCOPE)
    set(${ARG_SOURCE} "${_source}" PARENT_SCOPE)
endfunction()
