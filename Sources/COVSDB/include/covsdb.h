#ifndef COVSDB_H
#define COVSDB_H
int covsdb_placeholder(void);
#endif
