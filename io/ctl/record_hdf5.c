/* The HDF5 side of record_dump.h: one table of columns, each a dataset that grows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hdf5.h>

#include "io/ctl/record_dump.h"

enum { CHUNK = 256 };

enum width { ONE, WORDS, SCALARS, ROWS, COLUMNS };

/* In the order in which they stand in a record, 8 bytes each. */
static const struct {
    const char *name, *unit, *help;
    char type; /* u, i, f: 64 bits */
    enum width width;
} columns[] = {
    {"cycle", "1", "cycle id", 'u', ONE},
    {"run_id", "ns", "run of orbitd: UTC at its start", 'u', ONE},
    {"t_mono_ns", "ns", "CLOCK_MONOTONIC of the grid point", 'i', ONE},
    {"t_utc_ns", "ns", "UTC of the grid point", 'i', ONE},
    {"skipped", "1", "grid points skipped just before", 'u', ONE},
    {"state", "1", "0 OFF, 1 SHADOW, 2 ARMED, 3 CLOSED, 4 HOLD, 5 TRIPPED, 6 PROBE", 'u', ONE},
    {"unmet", "bits", "conditions of CLOSED that do not hold", 'u', ONE},
    {"command", "1", "last request seen, counted", 'u', ONE},
    {"revision", "1", "of the parameter set in use", 'u', ONE},
    {"arm_id", "1", "arming", 'u', ONE},
    {"frame_seq", "1", "pace frame used", 'u', ONE},
    {"new_frame", "1", "1: this cycle brought a new pace frame", 'u', ONE},
    {"law_step", "1", "1: the law made a step", 'u', ONE},
    {"frame_t_sample_ns", "ns", "CLOCK_MONOTONIC at which the frame was sampled", 'i', ONE},
    {"wake_late_ns", "ns", "lateness of the wake-up", 'f', ONE},
    {"current_a", "A", "stored current", 'f', ONE},
    {"excite_level", "1", "level of the excitation in u_cmd, from 1; 0: none", 'u', ONE},
    {"now_ns", "ns", "CLOCK_MONOTONIC at which the cycle started", 'i', ONE},
    {"timer", "1",
     "what starts cycles: 0 sleep, 1 hybrid, 2 spin, 3 data, 4 timer without data", 'u', ONE},
    {"pace_generation", "1", "connection of the pace source; 0: none", 'u', ONE},
    {"echo_generation", "1", "connection of the actuator source; 0: none", 'u', ONE},
    {"echo_seq", "1", "actuator frame used", 'u', ONE},
    {"new_echo", "1", "1: this cycle brought a new actuator frame", 'u', ONE},
    {"echo_t_sample_ns", "ns", "CLOCK_MONOTONIC at which it was sampled", 'i', ONE},
    {"pace_word", "1", "words of the pace frame (orbit-shm(7))", 'i', WORDS},
    {"echo_word", "1", "words of the actuator frame", 'i', WORDS},
    {"pace_scalar", "A, 1", "scalars of the pace frame: current, median sum signal", 'f',
     SCALARS},
    {"y", "m", "positions as delivered, before masking: x of all BPMs, then y", 'f', ROWS},
    {"y_quality", "bits", "0 is good", 'u', ROWS},
    {"u_cmd", "rad (RF: Hz)", "set points commanded: H, V, RF", 'f', COLUMNS},
    {"u_found", "rad (RF: Hz)", "set points found at the machine", 'f', COLUMNS},
    {"u_readback", "rad (RF: Hz)", "read back from the machine", 'f', COLUMNS},
    {"u_quality", "bits", "0 is good", 'u', COLUMNS},
};

enum { N_COLUMN = sizeof columns / sizeof columns[0] };
_Static_assert(sizeof(struct record_head) == (24 + 2 * FRAME_WORDS + FRAME_SCALARS) * 8,
               "24 columns of one word stand first, then three of a frame's");

static const char *const lost_names[] = {"before_record", "count", "where"};
static const char *const mark_names[] = {"before_record", "cycle", "t_utc_ns", "state",
                                         "unmet",         "cause", "offender"};
enum { N_LOST = 3, N_MARK = 7 };

/* Rows of uint64 that are few: kept until the end. */
struct rows {
    size_t n, width;
    uint64_t *value;
};

struct hdf5_dump {
    hid_t file, set[N_COLUMN];
    hsize_t width[N_COLUMN];
    uint64_t *buffer[N_COLUMN]; /* [CHUNK][width] */
    hsize_t n_written, n_buffered;
    struct rows lost, marks;
    char (*reason)[STREAM_REASON_SIZE]; /* [marks.n] */
};

static enum rc failed(const char *what)
{
    return err_set(RC_SYS, "HDF5: %s failed (no room, no right, or no memory)", what);
}

enum rc hdf5_dump_create(struct hdf5_dump **dump, const char *path)
{
    struct hdf5_dump *self = calloc(1, sizeof *self);

    *dump = NULL;
    if (!self)
        return err_set(RC_NOMEM, "no memory for a conversion");
    H5Eset_auto2(H5E_DEFAULT, NULL, NULL); /* its stack of messages is not for operators */
    self->lost.width = N_LOST;
    self->marks.width = N_MARK;
    self->file = H5Fcreate(path, H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    if (self->file < 0) {
        free(self);
        return err_set(RC_SYS, "HDF5 cannot create %s", path);
    }
    *dump = self;
    return RC_OK;
}

void hdf5_dump_destroy(struct hdf5_dump *self)
{
    for (int i = 0; i < N_COLUMN; i++)
        free(self->buffer[i]);
    free(self->lost.value);
    free(self->marks.value);
    free(self->reason);
    free(self);
}

/* ---- attributes and small datasets ---- */

static hid_t text_type(size_t size)
{
    hid_t type = H5Tcopy(H5T_C_S1);

    H5Tset_size(type, size);
    H5Tset_cset(type, H5T_CSET_UTF8);
    return type;
}

static bool put_attribute(hid_t to, const char *name, hid_t type, const void *value)
{
    hid_t space = H5Screate(H5S_SCALAR);
    hid_t attribute = H5Acreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    bool good = attribute >= 0 && H5Awrite(attribute, type, value) >= 0;

    H5Aclose(attribute);
    H5Sclose(space);
    return good;
}

static bool put_text(hid_t to, const char *name, const char *text)
{
    hid_t type = text_type(strlen(text) + 1);
    bool good = put_attribute(to, name, type, text);

    H5Tclose(type);
    return good;
}

static bool put_array(hid_t to, const char *name, hid_t type, hsize_t n, const void *value)
{
    hid_t space = H5Screate_simple(1, &n, NULL);
    hid_t set = H5Dcreate2(to, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    bool good =
        set >= 0 && (n == 0 || H5Dwrite(set, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, value) >= 0);

    H5Dclose(set);
    H5Sclose(space);
    return good;
}

static bool put_header(hid_t file, const struct stream_header *header)
{
    const uint64_t n_row = dims_n_row(&header->dims), n_col = dims_n_col(&header->dims);
    const struct {
        const char *name;
        const void *value;
        hid_t type;
    } number[] = {
        {"run_id", &header->run_id, H5T_NATIVE_UINT64},
        {"device_hash", &header->device_hash, H5T_NATIVE_UINT64},
        {"layout_hash", &header->layout_hash, H5T_NATIVE_UINT64},
        {"n_bpm", &header->dims.n_bpm, H5T_NATIVE_UINT64},
        {"n_h", &header->dims.n_h, H5T_NATIVE_UINT64},
        {"n_v", &header->dims.n_v, H5T_NATIVE_UINT64},
        {"n_rf", &header->dims.n_rf, H5T_NATIVE_UINT64},
        {"n_row", &n_row, H5T_NATIVE_UINT64},
        {"n_col", &n_col, H5T_NATIVE_UINT64},
        {"period_ns", &header->period_ns, H5T_NATIVE_UINT64},
        {"revision", &header->revision, H5T_NATIVE_UINT64},
        {"utc_ns", &header->utc_ns, H5T_NATIVE_INT64},
        {"freeze", &header->freeze, H5T_NATIVE_UINT64},
        {"pre_s", &header->pre_s, H5T_NATIVE_DOUBLE},
        {"post_s", &header->post_s, H5T_NATIVE_DOUBLE},
    };
    bool good = put_text(file, "format", "orbitd-records-1") &&
                put_text(file, "instance", header->instance) &&
                put_text(file, "machine", header->machine) &&
                put_text(file, "reason", header->reason) &&
                put_text(file, "parameters", header->parameters);

    for (size_t i = 0; i < sizeof number / sizeof number[0]; i++)
        good = good && put_attribute(file, number[i].name, number[i].type, number[i].value);
    return good;
}

static bool put_names(hid_t file, const struct stream_reader *reader)
{
    const struct orbit_dims *dims = &reader->header.dims;
    hid_t group = H5Gcreate2(file, "names", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = text_type(ORBIT_NAME_SIZE);
    bool good =
        put_array(group, "bpm", type, dims->n_bpm, reader->name) &&
        put_array(group, "corrector", type, dims_n_col(dims), reader->name + dims->n_bpm);

    H5Tclose(type);
    H5Gclose(group);
    return good;
}

/* ---- the columns ---- */

static hid_t column_type(int i)
{
    return columns[i].type == 'u'   ? H5T_NATIVE_UINT64
           : columns[i].type == 'i' ? H5T_NATIVE_INT64
                                    : H5T_NATIVE_DOUBLE;
}

static bool make_column(struct hdf5_dump *self, int i, const struct orbit_dims *dims)
{
    const hsize_t widths[] = {[ONE] = 1,
                              [WORDS] = FRAME_WORDS,
                              [SCALARS] = FRAME_SCALARS,
                              [ROWS] = dims_n_row(dims),
                              [COLUMNS] = dims_n_col(dims)};
    hsize_t width = widths[columns[i].width];
    int rank = columns[i].width == ONE ? 1 : 2;
    hsize_t now[2] = {0, width}, most[2] = {H5S_UNLIMITED, width}, chunk[2] = {CHUNK, width};
    hid_t space = H5Screate_simple(rank, now, most), create = H5Pcreate(H5P_DATASET_CREATE);

    H5Pset_chunk(create, rank, chunk);
    self->width[i] = width;
    self->buffer[i] = calloc(CHUNK * width, 8);
    self->set[i] = H5Dcreate2(self->file, columns[i].name, column_type(i), space, H5P_DEFAULT,
                              create, H5P_DEFAULT);
    H5Pclose(create);
    H5Sclose(space);
    return self->buffer[i] && self->set[i] >= 0 &&
           put_text(self->set[i], "units", columns[i].unit) &&
           put_text(self->set[i], "description", columns[i].help);
}

static enum rc hdf5_begin(void *sink, const struct stream_reader *reader)
{
    struct hdf5_dump *self = sink;
    bool good = put_header(self->file, &reader->header) && put_names(self->file, reader);

    for (int i = 0; i < N_COLUMN; i++)
        good = good && make_column(self, i, &reader->header.dims);
    return good ? RC_OK : failed("making the datasets");
}

static bool write_column(struct hdf5_dump *self, int i)
{
    int rank = columns[i].width == ONE ? 1 : 2;
    hsize_t from[2] = {self->n_written, 0}, count[2] = {self->n_buffered, self->width[i]};
    hsize_t now[2] = {self->n_written + self->n_buffered, self->width[i]};
    hid_t in_file, in_memory = H5Screate_simple(rank, count, NULL);
    bool good = H5Dset_extent(self->set[i], now) >= 0;

    in_file = H5Dget_space(self->set[i]);
    good = good && H5Sselect_hyperslab(in_file, H5S_SELECT_SET, from, NULL, count, NULL) >= 0 &&
           H5Dwrite(self->set[i], column_type(i), in_memory, in_file, H5P_DEFAULT,
                    self->buffer[i]) >= 0;
    H5Sclose(in_file);
    H5Sclose(in_memory);
    return good;
}

static enum rc flush(struct hdf5_dump *self)
{
    bool good = true;

    for (int i = 0; i < N_COLUMN && self->n_buffered; i++)
        good = good && write_column(self, i);
    self->n_written += self->n_buffered;
    self->n_buffered = 0;
    return good ? RC_OK : failed("writing records");
}

static enum rc hdf5_record(void *sink, const struct stream_reader *reader)
{
    const uint64_t *word = (const void *) reader->record.head;
    struct hdf5_dump *self = sink;

    for (int i = 0; i < N_COLUMN; i++) {
        memcpy(self->buffer[i] + self->n_buffered * self->width[i], word, 8 * self->width[i]);
        word += self->width[i];
    }
    return ++self->n_buffered == CHUNK ? flush(self) : RC_OK;
}

/* ---- what is lost, and marks ---- */

static enum rc add_row(struct rows *rows, const uint64_t *value)
{
    uint64_t *grown = realloc(rows->value, (rows->n + 1) * rows->width * sizeof *grown);

    if (!grown)
        return err_set(RC_NOMEM, "no memory for %zu rows", rows->n + 1);
    rows->value = grown;
    memcpy(rows->value + rows->n++ * rows->width, value, rows->width * sizeof *value);
    return RC_OK;
}

static enum rc hdf5_lost(void *sink, const struct stream_lost *lost, uint64_t before)
{
    struct hdf5_dump *self = sink;

    return add_row(&self->lost, (const uint64_t[N_LOST]){before, lost->count, lost->where});
}

static enum rc hdf5_mark(void *sink, const struct stream_mark *mark, uint64_t before)
{
    const uint64_t row[N_MARK] = {before,        mark->cycle, (uint64_t) mark->t_utc_ns,
                                  mark->state,   mark->unmet, mark->cause,
                                  mark->offender};
    struct hdf5_dump *self = sink;
    void *grown = realloc(self->reason, (self->marks.n + 1) * sizeof *self->reason);

    if (!grown)
        return err_set(RC_NOMEM, "no memory for %zu marks", self->marks.n + 1);
    self->reason = grown;
    memcpy(self->reason[self->marks.n], mark->reason, sizeof mark->reason);
    return add_row(&self->marks, row);
}

/* One dataset per field. */
static bool put_rows(hid_t group, const struct rows *rows, const char *const *name)
{
    uint64_t *column = malloc((rows->n + 1) * sizeof *column);
    bool good = column != NULL;

    for (size_t k = 0; k < rows->width && good; k++) {
        for (size_t i = 0; i < rows->n; i++)
            column[i] = rows->value[i * rows->width + k];
        good = put_array(group, name[k], H5T_NATIVE_UINT64, rows->n, column);
    }
    free(column);
    return good;
}

static bool put_events(struct hdf5_dump *self)
{
    hid_t lost = H5Gcreate2(self->file, "lost", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t marks = H5Gcreate2(self->file, "marks", H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    hid_t type = text_type(STREAM_REASON_SIZE);
    bool good = put_rows(lost, &self->lost, lost_names) &&
                put_rows(marks, &self->marks, mark_names) &&
                put_array(marks, "reason", type, self->marks.n, self->reason);

    H5Tclose(type);
    H5Gclose(marks);
    H5Gclose(lost);
    return good;
}

static enum rc hdf5_end(void *sink)
{
    struct hdf5_dump *self = sink;
    enum rc rc = flush(self);

    if (rc == RC_OK && !put_events(self))
        rc = failed("writing losses and marks");
    for (int i = 0; i < N_COLUMN; i++)
        if (self->set[i] > 0)
            H5Dclose(self->set[i]);
    if (H5Fclose(self->file) < 0 && rc == RC_OK)
        rc = failed("closing the file");
    hdf5_dump_destroy(self);
    return rc;
}

const struct dump_sink hdf5_sink = {hdf5_begin, hdf5_record, hdf5_lost, hdf5_mark, hdf5_end};
