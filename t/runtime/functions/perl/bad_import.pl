use NotToBeFound;
