/* Datagrams that BPM systems send, and those that power supplies take; rt/hal/bpm_datagram.h
 * and rt/hal/supply_datagram.h have their bytes. */
#ifndef ORBIT_RT_BASE_DATAGRAM_FORMAT_H
#define ORBIT_RT_BASE_DATAGRAM_FORMAT_H

enum bpm_format {
    BPM_LIBERA_GROUPING,         /* 16 bytes a BPM: status, then counter */
    BPM_LIBERA_GROUPING_COUNTER, /* the older order: counter, then status */
    BPM_LIBERA_SPARK,            /* 64 bytes, one BPM a datagram, told apart by its sender */
    BPM_HZB_CONCENTRATOR,        /* 64 bytes, seven BPMs */
    BPM_DIAMOND_CC,              /* 16 bytes a BPM, big-endian, one or more a datagram */
    BPM_FORMAT_COUNT
};

enum supply_format { SUPPLY_ORBITD, SUPPLY_ALSU, SUPPLY_FORMAT_COUNT };

#endif
