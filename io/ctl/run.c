/* orbitctl run: the configured programs as children. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/cfg.h"
#include "io/ctl/ctl.h"
#include "io/ctl/supervisor.h"

enum { MAX_PROGRAMS = 16 };

struct set {
    struct cfg cfg;
    char config_path[CHILD_PATH];
    struct child child[MAX_PROGRAMS];
    unsigned n;
};

static enum rc describe_child(struct set *set, const char *folder, const char *name)
{
    struct child *child = &set->child[set->n++];
    int n;

    *child = (struct child){.name = name,
                            .config_path = set->config_path,
                            .real_time = strcmp(name, "orbitd") == 0,
                            .loop_core = (int) set->cfg.loop_core,
                            .out = -1};
    if (strchr(name, '/'))
        return err_set(RC_INPUT, "run.programs: %s: a name, not a path", name);
    n = snprintf(child->path, sizeof child->path, "%s/%s", folder, name);
    if (n < 0 || (size_t) n >= sizeof child->path)
        return err_set(RC_RANGE, "the path of %s is too long", name);
    if (access(child->path, X_OK) != 0)
        return err_sys("run.programs: %s", child->path);
    return RC_OK;
}

static enum rc describe_set(struct set *set, const char *config_path)
{
    static struct cfg_faults faults;
    char folder[CHILD_PATH], whole[4096];
    enum rc rc = cfg_load(&set->cfg, config_path, &faults);

    cfg_faults_print(stderr, &faults);
    if (rc != RC_OK)
        return err_set(RC_INPUT, "%s is not usable", config_path);
    if (!realpath(config_path, whole) || strlen(whole) >= sizeof set->config_path)
        return err_sys("the path of %s", config_path);
    memcpy(set->config_path, whole, strlen(whole) + 1);
    rc = child_folder(folder, sizeof folder);
    for (size_t i = 0; i < set->cfg.run_programs.count && rc == RC_OK; i++)
        rc = describe_child(set, folder, set->cfg.run_programs.name[i]);
    return rc;
}

/* The programs write their sockets and endpoints there; orbitd is not the first to do so. */
static enum rc make_folder(const char *folder)
{
    char path[CFG_PATH_SIZE];

    snprintf(path, sizeof path, "%s", folder);
    for (char *at = path + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        (void) mkdir(path, 0755);
        *at = '/';
    }
    if (mkdir(path, 0755) != 0 && errno != EEXIST)
        return err_sys("cannot make the folder %s", path);
    return RC_OK;
}

static enum rc make_folders(const struct cfg *cfg)
{
    char path[CFG_PATH_SIZE];
    enum rc rc;

    cfg_runtime_dir(cfg, path, sizeof path);
    rc = make_folder(path);
    if (rc != RC_OK)
        return rc;
    cfg_state_dir(cfg, path, sizeof path);
    return make_folder(path);
}

/* Two sets of one instance would take each other's endpoints and reference away. The lock ends
 * with this process; children do not inherit it. */
static enum rc lock_instance(const struct set *set)
{
    char folder[CFG_PATH_SIZE], path[CFG_PATH_SIZE + 64];
    int fd;

    cfg_runtime_dir(&set->cfg, folder, sizeof folder);
    snprintf(path, sizeof path, "%s/%s.run.lock", folder, set->cfg.instance);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        return err_sys("cannot open %s", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return err_set(RC_STATE, "instance %s is running already (%s is locked)",
                       set->cfg.instance, path);
    }
    return RC_OK;
}

/* The virtual ring writes its reference orbit at every start, perhaps of another seed: what an
 * earlier run left must not be taken for it. */
static enum rc forget_reference(const struct set *set)
{
    char folder[CFG_PATH_SIZE], path[CFG_PATH_SIZE + 32];
    bool virtual = false;

    for (unsigned i = 0; i < set->n; i++)
        virtual |= strcmp(set->child[i].name, "orbit-ring") == 0;
    if (!virtual)
        return RC_OK;
    cfg_state_dir(&set->cfg, folder, sizeof folder);
    snprintf(path, sizeof path, "%s/reference.txt", folder);
    if (unlink(path) != 0 && errno != ENOENT)
        return err_sys("cannot remove %s of an earlier run", path);
    return RC_OK;
}

int command_run(struct ctl *ctl)
{
    static struct set set;
    double seconds = 0;
    enum rc rc = args_take_number(&ctl->args, "--seconds", 0.01, 1e9, &seconds);

    if (rc == RC_OK && ctl->args.count)
        rc = args_finish(&ctl->args, 1, 1);
    if (rc == RC_OK && !ctl->args.count && !ctl->config_path)
        rc = err_set(RC_INPUT, "which configuration?");
    if (rc != RC_OK)
        return ctl_usage(ctl);
    rc = describe_set(&set, ctl->args.count ? ctl->args.item[0] : ctl->config_path);
    if (rc == RC_OK)
        rc = make_folders(&set.cfg);
    if (rc == RC_OK)
        rc = lock_instance(&set);
    if (rc == RC_OK)
        rc = forget_reference(&set);
    if (rc == RC_OK)
        rc = supervisor_run(set.child, set.n, seconds);
    return rc == RC_OK ? CTL_DONE : ctl_fail(rc);
}
