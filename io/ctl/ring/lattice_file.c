#include "io/ctl/ring/lattice_file.h"

#include <stdio.h>
#include <stdlib.h>

enum rc lattice_file_take(struct lattice_file *file, struct args *args,
                          const char *format_option)
{
    const char *word = NULL;
    enum rc rc = args_take_text(args, format_option, &word);

    if (rc == RC_OK)
        rc = args_take_text(args, "--use", &file->source.use);
    if (rc == RC_OK)
        rc = args_take_number(args, "--energy", 1e-6, 1e6, &file->source.energy_gev);
    if (rc != RC_OK || !word)
        return rc;
    file->source.format = import_format_named(word);
    return file->source.format == IMPORT_UNKNOWN
               ? err_set(RC_INPUT, "%s is latticejson, at, madx or elegant, not %s",
                         format_option, word)
               : RC_OK;
}

static enum rc read_text(struct lattice_file *file, const char *path)
{
    FILE *in = fopen(path, "rbe");
    size_t most = (size_t) IMPORT_MAX_BYTES + 2;
    bool bad;

    if (!in)
        return err_sys("cannot open %s", path);
    file->text = malloc(most);
    file->source.size = file->text ? fread(file->text, 1, most - 1, in) : 0;
    bad = ferror(in);
    fclose(in);
    if (!file->text)
        return err_set(RC_NOMEM, "no memory for %s", path);
    if (bad)
        return err_set(RC_SYS, "cannot read %s: is it a file?", path);
    if (file->source.size > IMPORT_MAX_BYTES)
        return err_set(RC_RANGE, "%s is larger than %d bytes", path, IMPORT_MAX_BYTES);
    return RC_OK;
}

enum rc lattice_file_read(struct lattice_file *file, const char *path, struct lattice **ring)
{
    enum rc rc = read_text(file, path);

    if (rc != RC_OK)
        return rc;
    file->source.name = path;
    file->source.text = file->text;
    if (file->source.format == IMPORT_UNKNOWN)
        file->source.format = import_format_of(path, file->text, file->source.size);
    return import_parse(ring, &file->source, &file->report);
}

void lattice_file_tell(const struct lattice_file *file)
{
    const char *path = file->source.name;

    for (uint32_t i = 0; i < file->report.n_line; i++)
        fprintf(stderr, "%s: note: %s\n", path, file->report.line[i]);
    if (file->report.n_more)
        fprintf(stderr, "%s: note: and %u more\n", path, file->report.n_more);
}

void lattice_file_free(struct lattice_file *file)
{
    import_report_free(&file->report);
    free(file->text);
    file->text = NULL;
}
