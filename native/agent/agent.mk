# banyan-agent: the token agent. Needs libwebsockets-dev, libjansson-dev and libssl-dev; all of them are linked in.
AGENT := $(BUILD)/banyan-agent
AGENT_OBJECTS := $(patsubst agent/%.c,$(BUILD)/agent/%.o,$(filter-out agent/glibc.c,$(wildcard agent/*.c)))
AGENT_CFLAGS := $(filter-out -fPIC,$(CFLAGS)) -fPIE -D_FORTIFY_SOURCE=2 $(AGENT_DEFINES)
AGENT_LDFLAGS := -pie -Wl,--gc-sections -Wl,--exclude-libs,ALL -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -s
AGENT_LIBRARIES := -l:libwebsockets.a -l:libjansson.a -l:libssl.a -l:libcrypto.a -l:libcap.a

# As for the library; programs begin in a newer function too.
ifneq ($(OLD_GLIBC),)
AGENT_OBJECTS += $(BUILD)/agent/glibc.o $(BUILD)/glibc.o
AGENT_WRAPPED := $(WRAPPED) __libc_start_main pthread_create pthread_attr_setstacksize pthread_mutex_timedlock pthread_sigmask
AGENT_LDFLAGS += $(AGENT_WRAPPED:%=-Wl,--wrap=%)
AGENT_LIBRARIES += -Wl,--no-as-needed -l:libpthread.so.0 -l:libdl.so.2
else
AGENT_LIBRARIES += -lpthread -ldl
endif

all: $(AGENT)

$(AGENT): $(AGENT_OBJECTS)
	$(CC) $(AGENT_LDFLAGS) $(AGENT_OBJECTS) $(AGENT_LIBRARIES) -o $@.new
	mv $@.new $@

$(BUILD)/agent/%.o: agent/%.c $(wildcard agent/*.h) $(wildcard include/*.h) Makefile agent/agent.mk | $(BUILD)/agent
	$(CC) $(AGENT_CFLAGS) -c $< -o $@

$(BUILD)/agent:
	mkdir -p $@
