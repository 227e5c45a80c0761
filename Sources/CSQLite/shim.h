// SQLite, and the few of its calls that Swift cannot make itself: variadic ones, and destructor constants.
#ifndef CSQLITE_SHIM_H
#define CSQLITE_SHIM_H

#include <sqlite3.h>

/// Sets a switch of the connection; SQLITE_ERROR when it does not read back as asked.
static inline int csqlite_switch(sqlite3 *connection, int option, int on) {
  int found = -1;
  int result = sqlite3_db_config(connection, option, on, &found);
  if (result != SQLITE_OK) return result;
  return found == on ? SQLITE_OK : SQLITE_ERROR;
}

/// Binds text that SQLite copies before this returns.
static inline int csqlite_bind_text(sqlite3_stmt *statement, int index, const char *bytes, int count) {
  return sqlite3_bind_text(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

/// Binds bytes that SQLite copies before this returns.
static inline int csqlite_bind_blob(sqlite3_stmt *statement, int index, const void *bytes, int count) {
  return sqlite3_bind_blob(statement, index, bytes ? bytes : "", count, SQLITE_TRANSIENT);
}

#endif
