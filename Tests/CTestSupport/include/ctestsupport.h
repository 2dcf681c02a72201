/* What the tests need of glibc and its Swift module lacks. */
#ifndef CTESTSUPPORT_H
#define CTESTSUPPORT_H

#include <spawn.h>

/* The child closes every descriptor from `lowest` on: posix_spawn_file_actions_addclosefrom_np(3), glibc 2.34. */
int ctest_close_from(posix_spawn_file_actions_t *actions, int lowest);

#endif
