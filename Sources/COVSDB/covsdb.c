#include "covsdb.h"
int covsdb_placeholder(void) { return 0; }
