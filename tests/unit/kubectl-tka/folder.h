/* folder.h - an empty folder for a test that writes files, gone when the program ends. */
#pragma once

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define FOLDERS_MAX 64

static char folder_names[FOLDERS_MAX][32];
static size_t folder_count;
static pid_t folder_owner; /* a child that a test forks removes nothing */

static int folder_remove_one(const char *path, const struct stat *found, int type, struct FTW *at)
{
        (void)found;
        (void)type;
        (void)at;
        return remove(path);
}

static void folder_remove_all(void)
{
        for (size_t i = 0; i < folder_count && getpid() == folder_owner; i++)
                nftw(folder_names[i], folder_remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Borrowed until the program ends. */
static const char *folder_enter(void)
{
        char *name = folder_names[folder_count];

        assert_true(folder_count < FOLDERS_MAX);
        if (folder_count++ == 0) {
                folder_owner = getpid();
                assert_int_equal(atexit(folder_remove_all), 0);
        }
        snprintf(name, sizeof(folder_names[0]), "/tmp/tka-test-XXXXXX");
        assert_non_null(mkdtemp(name));
        return name;
}
