setTimeout(() => { throw new Error('later'); }, 1); await new Promise(() => {});
