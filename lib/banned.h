/* banned.h - C functions that lose an error, a bound or a time zone: using one does not compile. */
#pragma once

/* Their own declarations first: a macro of that name would garble them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(function, instead) banned_##function##_use_##instead

#undef strcpy
#define strcpy(...) BANNED(strcpy, buf_add)
#undef strcat
#define strcat(...) BANNED(strcat, buf_add)
#undef strncpy
#define strncpy(...) BANNED(strncpy, snprintf)
#undef sprintf
#define sprintf(...) BANNED(sprintf, buf_printf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf, buf_printf)
#undef strtok
#define strtok(...) BANNED(strtok, strcspn)
#undef gets
#define gets(...) BANNED(gets, file_read)
#undef atoi
#define atoi(...) BANNED(atoi, options_read)
#undef atol
#define atol(...) BANNED(atol, options_read)
#undef gmtime
#define gmtime(...) BANNED(gmtime, timestamp_format)
#undef localtime
#define localtime(...) BANNED(localtime, timestamp_format)
#undef ctime
#define ctime(...) BANNED(ctime, timestamp_format)
#undef asctime
#define asctime(...) BANNED(asctime, timestamp_format)
#undef mktime
#define mktime(...) BANNED(mktime, timestamp_parse)
#undef system
#define system(...) BANNED(system, execve)
#undef popen
#define popen(...) BANNED(popen, execve)
