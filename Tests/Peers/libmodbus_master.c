// One read with libmodbus over a serial line: the registers in hex, or the error.
//
//   libmodbus_master PATH UNIT 3|4 REGISTER COUNT
#include <errno.h>
#include <modbus.h>
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
  if (count != 6) return 64;
  modbus_t *context = modbus_new_rtu(arguments[1], 9600, 'N', 8, 1);
  if (context == NULL || modbus_connect(context) != 0) return 74;
  modbus_set_slave(context, atoi(arguments[2]));
  modbus_set_response_timeout(context, 3, 0);
  uint16_t registers[MODBUS_MAX_READ_REGISTERS];
  int first = atoi(arguments[4]), wanted = atoi(arguments[5]);
  int got = arguments[3][0] == '3' ? modbus_read_registers(context, first, wanted, registers)
                                   : modbus_read_input_registers(context, first, wanted, registers);
  if (got < 0) printf("%s", modbus_strerror(errno));
  for (int index = 0; index < got; index++) printf(index ? " %04X" : "%04X", registers[index]);
  puts("");
  modbus_close(context);
  return got < 0;
}
