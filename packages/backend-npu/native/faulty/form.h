// What the two forms of the interface do at loading and destruction.
#ifndef FAULTY_FORM_H
#define FAULTY_FORM_H

// 0: success.
int start(void);

// Wakes whoever waits in a call, and returns when they have left.
void finish(void);

#endif
