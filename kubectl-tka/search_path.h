/* search_path.h - programs as a shell finds them, in the folders of a PATH. */
#pragma once

/* The first of that name that may be run. The caller's; NULL: none, or no path. */
char *search_path_find(const char *path, const char *name);
